// The lab's pages keep up with what the workers do.
// A run's page hears each step on a socket and fetches the rest of itself now and then; without a
// socket, and on the other pages, what carries data-poll is fetched again until it has ended.
import { connect } from "./socket.js";

const POLL = 3_000;
const REFETCH = 2_500;

const ended = (part) => part.dataset.state === "ended";

function follow(part) {
  const status = document.getElementById("run-status");
  let refetched = Date.now();
  let timer;

  const refetch = () => {
    clearTimeout(timer);
    const wait = refetched + REFETCH - Date.now();
    if (wait > 0) {
      timer = setTimeout(refetch, wait);
      return;
    }
    refetched = Date.now();
    htmx.trigger("#live", "refresh");
  };

  function show(run) {
    if (["succeeded", "failed", "cancelled"].includes(run.state)) {
      location.reload(); // the actions outside the live part change too
      return;
    }
    const bar = document.querySelector("#live progress");
    if (bar) bar.value = run.progress;
    refetch();
  }

  document.addEventListener("htmx:afterSwap", () => {
    const { said } = document.getElementById("live").dataset;
    if (status.textContent !== said) status.textContent = said;
  });
  const socket = connect(`/ws/runs/${part.dataset.run}/`, {
    message: (event) => event.event === "run" && show(event),
  });
  return socket;
}

const live = document.getElementById("live");
const socket = live?.dataset.run && !ended(live) ? follow(live) : undefined;
if (live && !ended(live))
  document.addEventListener("htmx:afterSwap", () => {
    if (ended(document.getElementById("live"))) location.reload();
  });
setInterval(() => {
  if (document.hidden || socket?.isOpen()) return;
  for (const part of document.querySelectorAll("[data-poll]"))
    if (!ended(part)) htmx.trigger(part, "refresh");
}, POLL);

// Another language loads the page anew: its address then names what was chosen and not sent.
const changed = new Set(); // ids of forms that start runs, since another method replaces its form
const note = (form) => form?.querySelector("[name$=-stage]") && changed.add(form.id);
document.addEventListener("input", ({ target }) => note(target.form));
document.addEventListener("change", ({ target }) => note(target.form));
document.querySelector(".languages")?.addEventListener("formdata", ({ formData }) => {
  document.querySelectorAll("form:has(.field--error, [role=alert])").forEach(note);
  const chosen = [...changed].flatMap((id) => [...new FormData(document.getElementById(id))]);
  const named = chosen.filter(([name]) => name.includes("-")); // by its form; others are of the request
  if (named.length) formData.set("next", `/lab/?${new URLSearchParams(named)}`);
});

// Once a refused field changes, what its estimate below says is newer than the refusal.
document.addEventListener("input", ({ target }) => {
  const field = target.closest("form:has(.estimate) .field--error");
  if (!field) return;
  field.classList.remove("field--error");
  field.querySelector(".field__error").remove();
  target.removeAttribute("aria-invalid");
});

// A form that was refused may be far down: its error comes into view, and to the keyboard.
const refusal = document.querySelector("main [role=alert], main [aria-invalid=true]");
refusal?.scrollIntoView({ block: "center" });
if (refusal?.matches("[aria-invalid]")) refusal.focus({ preventScroll: true });
