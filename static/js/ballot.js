// The ballot: open when every response of the last turn is finished; a ranking by click, by key,
// or by dragging a response's letter to its place.

const RUNNING = new Set(["pending", "streaming"]);
const MOVED = 4; // px: less is a click
const SLOW = 10_000; // ms without a first word

const page = () => document.getElementById("battle");
export const ballotOf = () => page().querySelector("[data-ballot]");
const rowsOf = (ballot) => [...ballot.querySelectorAll("[data-letter]:not([data-out])")];
const chosen = (row) => row.querySelector("input:checked")?.value;
const isAnswer = (card) =>
  card?.dataset.state !== "error" && card?.querySelector("[data-text]").childElementCount > 0;

export const isRunning = (card) => RUNNING.has(card.dataset.state);
export const lastCards = () => [...page().querySelectorAll(".turn--last .response")];

// Why nobody can vote; empty if one can, or need not.
export function whyNotYet() {
  const ballot = ballotOf();
  if (!ballot) return "";
  const { dataset } = ballot;
  const last = lastCards();
  if (last.some(isRunning)) return slow ? dataset.whySlow : dataset.whyRunning;
  const answered = last.filter(isAnswer).length;
  if (answered) return answered < 2 ? dataset.whyFailed : "";
  const stopped = last.every((card) => card.dataset.state === "stopped");
  return stopped ? dataset.whyStopped : dataset.whyAllFailed;
}

let slow = false; // a response has been without its first word for long
let waiting;

// Whose response it is makes no difference to what is said.
function watchBeginnings() {
  if (lastCards().some((card) => card.dataset.state === "pending"))
    waiting ??= setTimeout(() => {
      slow = true;
      updateBallot();
    }, SLOW);
  else {
    clearTimeout(waiting);
    waiting = undefined;
    slow = false;
  }
}

export function updateBallot() {
  watchBeginnings();
  const running = [...page().querySelectorAll(".response")].some(isRunning);
  const followup = page().querySelector("[data-followup] button");
  if (followup) followup.disabled = running;
  const ballot = ballotOf();
  if (!ballot) return;
  const why = whyNotYet();
  const place = ballot.querySelector("[data-why]");
  if (place.textContent !== why) place.textContent = why;
  ballot.querySelector("[data-skip]").hidden = !slow;
  ballot.querySelector("fieldset").disabled = Boolean(why);
  leaveOutFailed(ballot, why === "");
  summarise(ballot);
}

// A response that failed is not ranked, until it has been tried again.
function leaveOutFailed(ballot, finished) {
  const cards = lastCards();
  const failed = (letter) => finished && !isAnswer(cards.find((card) => card.dataset.position === letter));
  for (const row of ballot.querySelectorAll("[data-letter]")) {
    const out = failed(row.dataset.letter);
    row.toggleAttribute("data-out", out);
    for (const choice of row.querySelectorAll("input")) {
      choice.disabled = out;
      choice.required = !out;
    }
  }
}

// "B > A = C" from the places given so far; a ranking can be sent once all have a place.
function summarise(ballot) {
  const summary = ballot.querySelector("[data-summary]");
  if (!summary) return;
  const byPlace = new Map();
  const rows = rowsOf(ballot);
  for (const row of rows) {
    const place = chosen(row);
    if (place) byPlace.set(place, [...(byPlace.get(place) ?? []), row.dataset.letter]);
  }
  const complete = rows.every(chosen);
  const order = [...byPlace.keys()].sort().map((place) => byPlace.get(place).join(" = "));
  summary.textContent = complete ? order.join(" > ") : "";
  ballot.querySelector("[data-submit]").disabled = !complete;
}

document.addEventListener("change", ({ target }) => {
  const ballot = target.closest("[data-ballot]");
  if (ballot) summarise(ballot);
});

function put(row, place) {
  const choice = place && row.querySelector(`input[value="${place}"]`);
  if (choice) choice.checked = true;
  else for (const other of row.querySelectorAll("input")) other.checked = false;
  row.dispatchEvent(new Event("change", { bubbles: true })); // as if clicked
}

// Of answers that are written anew nobody has said anything yet.
export function unrank() {
  for (const { dataset } of lastCards().filter(isRunning)) {
    const row = page().querySelector(`[data-letter=${dataset.position}]`);
    if (row) put(row);
  }
}

// --- by key: a letter goes to its row, a digit places the row that is meant, T ties all ---

export function rankByKey(key) {
  const ballot = ballotOf();
  if (!ballot?.querySelector("[data-letter]") || ballot.querySelector("fieldset").disabled) return false;
  const rows = rowsOf(ballot);
  const row = rows.find((one) => one.dataset.letter.toLowerCase() === key);
  if (row) (row.querySelector("input:checked") ?? row.querySelector("input")).focus();
  else if (/^[1-3]$/.test(key)) placeNext(ballot, rows, key);
  else if (key === "t") for (const one of rows) put(one, "1");
  else return false;
  return true;
}

function placeNext(ballot, rows, place) {
  const focused = document.activeElement.closest("[data-letter]");
  const row = focused ?? rows.find((one) => !chosen(one)) ?? rows[0];
  put(row, place);
  const next = rows.find((one) => !chosen(one));
  (next ? next.querySelector("input") : ballot.querySelector("[data-submit]")).focus();
}

// --- by dragging, with mouse, pen or finger ---

let drag;

const slotAt = ({ clientX, clientY }) =>
  document.elementsFromPoint(clientX, clientY).find((part) => part.matches(".slot"));

document.addEventListener("pointerdown", (event) => {
  const token = event.target.closest("[data-token]");
  if (!token || event.button || token.closest("fieldset:disabled, [data-out]")) return;
  event.preventDefault();
  token.setPointerCapture(event.pointerId);
  drag = { token, row: token.closest("[data-letter]"), x: event.clientX, y: event.clientY, moved: false };
});

document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  drag.moved ||= Math.hypot(dx, dy) > MOVED;
  if (!drag.moved) return;
  drag.token.style.translate = `${dx}px ${dy}px`;
  drag.token.dataset.dragged = "";
  mark(drag.row, slotAt(event)?.querySelector("input").value);
});

function mark(row, place) {
  for (const slot of row.querySelectorAll(".slot")) slot.toggleAttribute("data-over", slot.firstElementChild.value === place);
}

function letGo() {
  mark(drag.row);
  drag.token.style.translate = "";
  delete drag.token.dataset.dragged;
  drag = undefined;
}

document.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { row, moved } = drag;
  letGo();
  if (!moved) return;
  const slot = slotAt(event);
  if (slot) put(row, slot.querySelector("input").value);
});
document.addEventListener("pointercancel", () => drag && letGo());
document.addEventListener("keydown", ({ key }) => key === "Escape" && drag && letGo());
