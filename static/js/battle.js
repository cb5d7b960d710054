// The battle page while it is alive. The server renders every state of the page; this module
// only carries the socket's events into it: text as it streams, and what each response is doing.
import { connect } from "./socket.js";

const SHOW_LOST_AFTER = 1200; // ms: a reconnect that is quicker goes unnoticed
const RUNNING = new Set(["pending", "streaming"]);

const page = () => document.getElementById("battle");
const cards = () => [...page().querySelectorAll(".response")];
const cardOf = (turn, position) => document.getElementById(`response-${turn}-${position}`);
const bodyOf = (card) => card.querySelector("[data-text]");

function announce(text) {
  document.getElementById("announcements").textContent = text;
}

// --- the ballot opens when every response is finished ---

function whyNotYet(ballot) {
  const last = [...page().querySelectorAll(".turn:last-of-type .response")];
  if (last.some((card) => RUNNING.has(card.dataset.state))) return ballot.dataset.whyRunning;
  const answered = last.filter((card) => bodyOf(card).childElementCount > 0);
  if (!answered.length) return ballot.dataset.whyAllFailed;
  return answered.length < 2 ? ballot.dataset.whyFailed : "";
}

function updateBallot() {
  const followUp = page().querySelector("[data-followup] button"); // direct talk has no ballot
  if (followUp) followUp.disabled = cards().some((card) => RUNNING.has(card.dataset.state));
  const ballot = page().querySelector("[data-ballot]");
  if (!ballot) return;
  const why = whyNotYet(ballot);
  const place = ballot.querySelector("[data-why]");
  if (place.textContent !== why) place.textContent = why;
  ballot.querySelector("fieldset").disabled = Boolean(why);
  leaveOutFailed(ballot, why === "");
  summarise(ballot);
}

// A response that failed is not ranked: its row goes, until it has been tried again.
function leaveOutFailed(ballot, finished) {
  const failed = (letter) => finished && !page().querySelector(`.turn:last-of-type [id$="-${letter}"] [data-text]`)?.childElementCount;
  const rows = [...ballot.querySelectorAll("[data-letter]")];
  for (const row of rows) {
    row.hidden = failed(row.dataset.letter);
    for (const choice of row.querySelectorAll("input")) choice.required = !row.hidden;
  }
  const note = ballot.querySelector("[data-failed]");
  if (note) note.hidden = rows.every((row) => !row.hidden);
}

// "B > A = C" from the places given so far; three responses can be sent once all have a place.
function summarise(ballot) {
  const summary = ballot.querySelector("[data-summary]");
  if (!summary) return;
  const letters = [...ballot.querySelectorAll("[data-letter]:not([hidden])")].map((row) => row.dataset.letter);
  const byPlace = new Map();
  for (const letter of letters) {
    const place = ballot.querySelector(`[name=rank_${letter}]:checked`)?.value;
    if (place) byPlace.set(place, [...(byPlace.get(place) ?? []), letter]);
  }
  const placed = [...byPlace.values()].flat().length;
  const order = [...byPlace.keys()].sort().map((place) => byPlace.get(place).join(" = "));
  summary.textContent = placed === letters.length ? order.join(" > ") : "";
  ballot.querySelector("[data-submit]").disabled = placed < letters.length;
}

document.addEventListener("change", ({ target }) => {
  const ballot = target.closest("[data-ballot]");
  if (ballot) summarise(ballot);
});

// --- what a person typed or chose survives each new rendering of the page ---

let sending = false; // this page's own follow-up: its answer brings the page
document.addEventListener("htmx:beforeRequest", ({ target }) => {
  if (target.matches("[data-followup]")) sending = true;
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!detail.successful) sending = false; // otherwise once its page is there
});

let typed = [];
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "battle") return;
  const fields = [...page().querySelectorAll("textarea, input[type=radio]:checked")];
  typed = fields
    .filter((field) => field.value && !(sending && field.id === "followup"))
    .map(({ id, name, value }) => ({ id, name, value }));
});

function restoreTyped() {
  for (const { id, name, value } of typed) {
    const box = id && document.getElementById(id);
    const choice = page().querySelector(`input[type=radio][name="${name}"][value="${value}"]`);
    if (choice) choice.checked = true;
    else if (box && !box.value) {
      box.value = value;
      box.closest("details")?.setAttribute("open", "");
    }
  }
  typed = [];
}

// --- the socket's events ---

function setState(card, state) {
  card.dataset.state = state;
  bodyOf(card).setAttribute("aria-busy", RUNNING.has(state));
}

function render(turn, response) {
  const card = cardOf(turn, response.position);
  bodyOf(card).innerHTML = response.html;
  card.querySelector("[data-error]").textContent = response.error ?? "";
  setState(card, response.state);
}

// Asks the server for the page again, for what changed more than a response's text.
async function refresh() {
  if (sending) return;
  await htmx.ajax("GET", location.pathname, { target: "#battle", select: "#battle", swap: "outerHTML" });
}

const events = {
  state({ battle }) {
    const known = battle.turns.every((turn, index) => cardOf(index + 1, turn.responses[0].position));
    if (!known || battle.state !== page().dataset.state) return refresh();
    battle.turns.forEach((turn, index) => turn.responses.forEach((response) => render(index + 1, response)));
  },
  started({ turn, responses }) {
    if (!cardOf(turn, responses[0].position)) return refresh();
    for (const response of responses) render(turn, { html: "", ...response });
  },
  delta({ turn, position, html, block }) {
    const card = cardOf(turn, position);
    const body = card && bodyOf(card);
    if (!card || body.children.length < block) return socket.restart(); // missed some: ask for all
    while (body.children.length > block) body.lastElementChild.remove();
    body.insertAdjacentHTML("beforeend", html);
    setState(card, "streaming");
  },
  done({ turn, position, state }) {
    const card = cardOf(turn, position);
    if (!card) return socket.restart();
    setState(card, state);
    announce(`Response ${position} is finished.`);
  },
  error({ turn, position, error }) {
    const card = cardOf(turn, position);
    if (!card) return announce(error);
    card.querySelector("[data-error]").textContent = error;
    setState(card, "error");
    announce(`Response ${position} failed: ${error}`);
  },
  changed: ({ state }) => page().dataset.state !== state && refresh(),
  revealed: () => page().dataset.state === "open" && refresh(),
};

let noticing;
const banner = document.getElementById("connection");
const socket = connect(`/ws/battles/${page().dataset.battle}/`, {
  message(event) {
    events[event.event]?.(event);
    updateBallot();
  },
  lost() {
    noticing ??= setTimeout(() => (banner.hidden = false), SHOW_LOST_AFTER);
  },
  found() {
    clearTimeout(noticing);
    noticing = undefined;
    banner.hidden = true;
  },
});

// A swapped page may be older than the events that came meanwhile: begin again from the state.
document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id !== "battle" && target.id !== "main") return;
  restoreTyped();
  sending = false;
  updateBallot();
  // The focused button went with the ballot: what was voted for is the next thing to read.
  const lost = document.activeElement === document.body;
  if (lost) document.getElementById("reveal")?.focus({ preventScroll: true });
  socket.restart();
});

updateBallot();
