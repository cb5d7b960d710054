// What a person typed or chose and has not sent survives each new rendering of the page, a reload,
// leaving and coming back: the tab keeps it for this page until it is sent.

const KEPT = `typed ${location.pathname}`;
const SENT = "sent"; // the KEPT of a page whose plain form was sent
const FIELDS = "textarea, #battle :is([type=radio], [type=checkbox])";

const keyOf = ({ id, name, value }) => id || `${name}=${value}`;
// As it is, and as it was rendered.
const propertiesOf = ({ type }) =>
  type === "textarea" ? ["value", "defaultValue"] : ["checked", "defaultChecked"];

// Storage may be switched off or full: what was typed then lasts for this page.
function inTab(work) {
  try {
    return work(sessionStorage);
  } catch {
    return undefined;
  }
}

const kept =
  inTab((tab) => {
    const sent = tab.getItem(SENT);
    tab.removeItem(SENT);
    // Who refuses a prompt stays on its page; who could not be reached is gone back from.
    if (sent && sent !== KEPT && performance.getEntriesByType("navigation")[0].type === "navigate") tab.removeItem(sent);
    const [at, typed] = JSON.parse(tab.getItem(KEPT));
    return at > localStorage.getItem("forgotten") && typed;
  }) || {};
let focused = ""; // an id

// A field that goes with its page says that it has changed: by then its rater may have gone.
const opened = Date.now();
const write = () =>
  inTab((tab) => {
    if (localStorage.getItem("forgotten") > opened) tab.removeItem(KEPT);
    else tab.setItem(KEPT, JSON.stringify([Date.now(), kept]));
  });

function keep() {
  for (const field of document.querySelectorAll(FIELDS)) {
    const [now, before] = propertiesOf(field);
    if (field[now] === field[before]) delete kept[keyOf(field)];
    else kept[keyOf(field)] = field[now];
  }
  write();
}
document.addEventListener("input", keep);
document.addEventListener("change", keep);

// A plain form is on its way: the page that it leads to forgets what it held.
export const sending = () => inTab((tab) => tab.setItem(SENT, KEPT));

export function forgetTyped({ elements = [] }) {
  for (const field of elements) {
    const [now, before] = propertiesOf(field);
    field[before] = field[now]; // it says that it has changed once more when it goes with the focus
    delete kept[keyOf(field)];
  }
  write();
}

// Which panel is in view is kept with it, and goes with it.
export const recall = (key) => kept[key];
export function remember(key, value) {
  kept[key] = value;
  write();
}

export const keepFocus = () => (focused = document.activeElement.id);

export function restoreTyped() {
  const typed = { ...kept };
  for (const field of document.querySelectorAll(FIELDS)) {
    const [now] = propertiesOf(field);
    const key = keyOf(field);
    if (!(key in typed) || field[now] === typed[key]) continue;
    field[now] = typed[key];
    field.closest("details")?.setAttribute("open", "");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  keep();
  // A field in a part that was closed until now could not get the focus back.
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
}
