// Single keys for what has a button: an element's data-key names its keys. Never while somebody
// types, and not at all for those who have switched them off (WCAG 2.1.4). Escape ends typing.
import { rankByKey } from "./ballot.js";

const KEPT = "shortcuts";
const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";
const PRESSABLE = "a, button, summary, input";

const root = document.documentElement;
const sheet = document.getElementById("shortcuts");

function remembered() {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true; // storage is switched off: the choice lasts for this page
  }
}
let active = remembered();

function show() {
  root.classList.toggle("no-shortcuts", !active);
  sheet.querySelector("[data-shortcuts-on]").checked = active;
}

sheet.addEventListener("change", ({ target }) => {
  active = target.checked;
  try {
    localStorage.setItem(KEPT, active ? "on" : "off");
  } catch {
    // not kept: the choice lasts for this page
  }
  show();
});

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-sheet]")) sheet.showModal();
  if (target === sheet) sheet.close(); // beside the sheet
});

const canBePressed = (part) =>
  !part.disabled && !part.closest("fieldset:disabled") && part.checkVisibility({ visibilityProperty: true });

function press(key) {
  const part = [...document.querySelectorAll("[data-key]")].find(
    (one) => one.dataset.key.split(" ").includes(key) && canBePressed(one),
  );
  part?.click();
  return Boolean(part);
}

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.key === "Escape" && !event.isComposing && target.matches("textarea")) target.blur();
  if (!active || sheet.open || event.repeat || event.defaultPrevented || event.isComposing) return;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest(TYPING)) return;
  const key = event.key.toLowerCase();
  if (key === "enter" && target.closest(PRESSABLE)) return; // it presses what has the focus
  if (key === "?") sheet.showModal();
  else if (!rankByKey(key) && !press(key)) return;
  event.preventDefault();
});

show();
