// What a finished response gets: a button that copies each piece of code, and for what is wider than
// its panel, so that it has to be scrolled, a place in the tab order and a name. Panels without
// anything to scroll say so.
import { announce } from "./announcements.js";

const BACK_AFTER = 2_000; // ms until the button says again what it does
const WIDE = ".code > pre, .table, .math";

const template = document.getElementById("copy-button");

export function finishProse(part) {
  for (const code of part.querySelectorAll(".prose .code"))
    if (!code.querySelector("[data-copy]")) code.append(template.content.cloneNode(true));
  reachWide(part);
}

export function reachWide(part) {
  for (const panel of part.querySelectorAll("[data-scroller]"))
    panel.parentElement.toggleAttribute("data-fits", panel.scrollHeight <= panel.clientHeight);
  for (const box of part.querySelectorAll(WIDE))
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.role = "group";
      box.ariaLabel = template.dataset[box.className];
    } else for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
}

addEventListener("resize", () => reachWide(document));

async function copy(code) {
  if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent);
  // Not a secure context (http in a local network): the old way, from a selection.
  const selection = getSelection();
  selection.selectAllChildren(code);
  document.execCommand("copy");
  selection.removeAllRanges();
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await copy(button.closest(".code").querySelector("code"));
  announce(button.dataset.said);
  const before = [...button.childNodes];
  button.textContent = button.dataset.done;
  setTimeout(() => button.replaceChildren(...before), BACK_AFTER);
});
