// Fetches the standings again when a new snapshot is there; asks every 15 s without a socket.
// The figures follow at a slower pace: both name the leaderboard that they are of.
// The controls come with the standings, unless somebody is using them.
// A choice in a list shows at once; without JavaScript its form has a button.
import { connect } from "./socket.js";

const POLL = 15_000;
const PACE = 1_500; // the figures change at most so often
const LOADING = 5_000; // longer than this a new plot is not waited for

const refresh = () => htmx.trigger("#standings", "refresh");
const socket = connect("/ws/leaderboard/", {
  message: ({ event }) => event === "leaderboard" && refresh(),
});
setInterval(() => {
  if (!socket.isOpen() && !document.hidden) refresh();
}, POLL);

const part = (id) => document.getElementById(id);
let planned = false;
let last = -PACE;

function follow() {
  if (planned || document.hidden || part("figures").dataset.of === part("standings").dataset.of) return;
  planned = true;
  setTimeout(async () => {
    last = performance.now();
    await renewFigures().catch(() => {}); // without a connection: next time
    planned = false;
    follow();
  }, Math.max(0, last + PACE - performance.now()));
}

async function renewFigures() {
  if (part("figures").contains(document.activeElement)) return;
  const answer = await fetch(location.href, { headers: { "HX-Target": "figures" } });
  if (!answer.ok) return;
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = document.importNode(parsed.getElementById("figures"), true);
  const old = part("figures");
  if (fresh.dataset.of === old.dataset.of) return;
  await Promise.race([loaded(fresh, old), new Promise((late) => setTimeout(late, LOADING))]);
  if (old.contains(document.activeElement)) return; // nobody loses their place: next time
  for (const { id } of old.querySelectorAll("figure:has(details[open])"))
    fresh.querySelector(`#${id} details`)?.setAttribute("open", "");
  old.replaceWith(fresh);
}

// The plots that are on the screen are there before they are shown, so that nothing flickers.
function loaded(fresh, old) {
  const seen = [...old.querySelectorAll("img")].filter((image) => image.naturalWidth);
  return Promise.allSettled(
    seen.map((image) => {
      const look = image.closest(".plot--light") ? "light" : "dark";
      const twin = fresh.querySelector(`#${image.closest("figure").id} .plot--${look} img`);
      if (!twin) return null;
      twin.loading = "eager";
      return twin.decode();
    }),
  );
}

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (event.detail.target.contains(document.activeElement)) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:afterSettle", follow);
document.addEventListener("visibilitychange", follow);
follow();

document.addEventListener("change", ({ target }) => {
  target.closest("[data-choose]")?.requestSubmit();
});
