// What a finished response gets: a button that copies each piece of code, and a place in the tab
// order for what is wider than its panel and has to be scrolled.
import { announce } from "./announcements.js";

const BACK_AFTER = 2_000; // ms until the button says again what it does
const WIDE = ".code > pre, .table, .math";

export function finishProse(part) {
  const template = document.getElementById("copy-button");
  for (const code of part.querySelectorAll(".prose .code"))
    if (!code.querySelector("[data-copy]")) code.append(template.content.cloneNode(true));
  reachWide(part);
}

function reachWide(part) {
  for (const box of part.querySelectorAll(WIDE))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
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
