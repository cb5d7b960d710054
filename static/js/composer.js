// The prompt box: grows with its text, counts near the limit, sends on Ctrl/Cmd+Enter,
// and takes a suggested prompt on click.

const NEAR = 0.9; // the count appears when this share of the limit is used
const growsByItself = CSS.supports("field-sizing", "content");

function grow(box) {
  if (growsByItself) return;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}

// The sentences stand in the page; {names} in them are numbers.
function filled(sentence, numbers) {
  const language = document.documentElement.lang;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => numbers[name].toLocaleString(language));
}

function count(box) {
  if (!("counted" in box.dataset)) return; // a box without a limit
  const max = Number(box.dataset.max);
  const used = [...box.value].length;
  const place = box.form.querySelector("[data-count]");
  place.textContent = used < max * NEAR ? "" : filled(box.dataset.counted, { used, max });
  box.setCustomValidity(used > max ? filled(box.dataset.tooLong, { max }) : "");
}

function changed(box) {
  grow(box);
  count(box);
}

document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-composer] textarea")) changed(target);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  const form = event.target.closest("[data-composer]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button:not([type=button])");
  if (!button.disabled) form.requestSubmit(button);
});

// One prompt starts one battle, however often the button is clicked.
document.addEventListener("submit", ({ target, submitter }) => {
  if (!target.matches("[data-composer]:not([hx-post])")) return;
  setTimeout(() => submitter && (submitter.disabled = true));
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-composer]:not([hx-post]) button")) button.disabled = false;
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-suggestion]");
  const box = document.getElementById("prompt");
  if (!link || !box || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  box.value = link.dataset.suggestion;
  changed(box);
  box.focus();
  box.scrollIntoView({ block: "center" });
});

for (const box of document.querySelectorAll("[data-composer] textarea")) changed(box);
