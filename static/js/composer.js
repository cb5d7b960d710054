// The prompt box: grows with its text, counts near the limit, sends on Ctrl/Cmd+Enter.

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

for (const box of document.querySelectorAll("[data-composer] textarea")) changed(box);
