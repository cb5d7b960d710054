// The start page: takes a suggested prompt on click, starts one battle a prompt, keeps what is typed
// until then, and takes away what the server said of a prompt once it is another.
import { restoreTyped, sending } from "./typed.js";

if (!document.getElementById("prompt")?.value) restoreTyped();

// One prompt starts one battle, however often the button is clicked.
document.addEventListener("submit", ({ target, submitter }) => {
  if (!target.matches("[data-composer]")) return;
  sending();
  setTimeout(() => submitter && (submitter.disabled = true));
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-composer] button")) button.disabled = false;
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-suggestion]");
  const box = document.getElementById("prompt");
  if (!link || !box || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  box.focus();
  box.select();
  document.execCommand("insertText", false, link.dataset.suggestion); // as typed: it can be undone
  box.scrollIntoView({ block: "center" });
});

document.addEventListener("input", ({ target }) => {
  if (target.id !== "prompt") return;
  document.getElementById("prompt-error")?.remove();
  target.removeAttribute("aria-invalid");
  target.removeAttribute("aria-describedby");
});
