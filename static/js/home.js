// The start page: takes a suggested prompt on click, starts one battle a prompt, keeps what is typed
// until then, takes away what the server said of a prompt once it is another, and says at once when
// the same contender is chosen twice.
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

// Of the boxes that are meant: which those are follows from the mode and the size.
function compareChoices() {
  const place = document.getElementById("same-contender");
  if (!place) return;
  const boxes = [...document.getElementsByName("contenders")];
  const meant = boxes.filter((box) => box.checkVisibility());
  const first = ({ value }) => meant.find((box) => box.value === value);
  const other = meant.find((box) => first(box) !== box);
  const values = other && { one: first(other).dataset.letter, other: other.dataset.letter };
  const said = other ? place.dataset.said.replace(/\{(\w+)\}/g, (_, name) => values[name]) : "";
  if (place.textContent !== said) place.textContent = said;
  place.hidden = !said;
  for (const box of boxes) {
    box.setCustomValidity(box === other ? said : "");
    box.ariaInvalid = box === other ? "true" : null;
    if (box === other) box.setAttribute("aria-describedby", place.id);
    else box.removeAttribute("aria-describedby");
  }
}
// The page's own notice says it already: the browser's bubble would lie over it.
document.addEventListener(
  "invalid",
  (event) => {
    if (event.target.name !== "contenders") return;
    event.preventDefault();
    event.target.focus();
  },
  true,
);
document.addEventListener("change", compareChoices);
document.addEventListener("htmx:afterSwap", compareChoices);
addEventListener("pageshow", compareChoices); // with what the browser has brought back
