// What a person typed or chose survives each new rendering of the page.
let kept = [];
let focused = ""; // an id

const changed = (field) =>
  field.type === "radio" || field.type === "checkbox"
    ? field.checked !== field.defaultChecked
    : field.value !== field.defaultValue;

export function keepTyped(page, leaveOut = () => false) {
  focused = document.activeElement.id;
  kept = [...page.querySelectorAll("textarea, input[type=radio], input[type=checkbox]")]
    .filter((field) => changed(field) && !leaveOut(field))
    .map(({ id, name, value, checked }) => ({ id, name, value, checked }));
}

export function restoreTyped(page) {
  for (const { id, name, value, checked } of kept) {
    const field = id ? document.getElementById(id) : page.querySelector(`input[name="${name}"][value="${value}"]`);
    if (!field) continue;
    if (checked === undefined || field.tagName === "TEXTAREA") field.value = value;
    else field.checked = checked;
    field.closest("details")?.setAttribute("open", "");
  }
  kept = [];
  // A field in a part that was closed until now could not get the focus back.
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
}
