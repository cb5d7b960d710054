// The battle page while it is alive. The server renders all its states; this module carries the
// socket's events into it: text as it streams, and what each response is doing.
import { announce, sentence } from "./announcements.js";
import { ballotOf, isRunning, lastCards, unrank, updateBallot, whyNotYet } from "./ballot.js";
import "./keys.js";
import { followEnd, keepPlaces, panelInView, restorePlaces, startOver } from "./panels.js";
import { finishProse } from "./prose.js";
import { connect } from "./socket.js";
import { forgetTyped, keepFocus, restoreTyped } from "./typed.js";

const SHOW_LOST_AFTER = 1200; // ms: a reconnect that is quicker goes unnoticed

const page = () => document.getElementById("battle");
const lastTurn = () => document.querySelector(".turn--last");
const cardOf = (turn, position) => document.getElementById(`response-${turn}-${position}`);
const bodyOf = (card) => card.querySelector("[data-text]");

// --- a new rendering of the page ---

// Which of several to begin with: the first that failed or was stopped, or the one in view.
const again = ({ id }) =>
  lastCards().find((card) => id === "retry-form" && /error|stopped/.test(card.dataset.state)) ??
  panelInView(lastTurn()).closest(".response");

let sent; // the form of this page's own prompt or vote: its answer brings the page
let asking; // the response, or the reveal, whose button is pressed or that is asked for again
document.addEventListener("htmx:beforeRequest", ({ target, detail }) => {
  if (target.matches("form") && detail.target.id === "battle")
    asking = target.matches("[data-ballot]")
      ? "reveal"
      : (target.closest(".response, .reveal") ?? (target.matches("[data-again]") && again(target)))?.id;
  if (target.matches("[data-composer], [data-ballot]")) sent = target;
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful) forgetTyped(detail.elt);
  else if (sent) {
    sent = undefined; // otherwise once its page is there
    socket.restart(); // it may have arrived all the same
  }
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.isError) return;
  forgetTyped(detail.requestConfig.elt);
  keepFocus();
  if (detail.target.id === "battle") keepPlaces();
});

// The pressed button went or means something else: what it brought is next to read. In a talk with one
// that is the next prompt, where no touch screen's keyboard would hide the answer.
function nextPart() {
  const reveal = document.getElementById("reveal");
  if (reveal || asking === "reveal") return reveal ?? document.getElementById("ballot-title");
  if (!sent) return document.querySelector(`#${asking} [data-scroller]`);
  const talks = !ballotOf() && !matchMedia("(hover: none), (pointer: coarse)").matches;
  return talks ? document.getElementById("followup") : panelInView(lastTurn());
}

// Asks the server for the page again, for what changed more than a response's text.
async function refresh() {
  if (sent) return;
  await htmx.ajax("GET", location.pathname, { target: "#battle", select: "#battle", swap: "outerHTML" });
}

// --- the socket's events ---

function setState(card, state) {
  card.dataset.state = state;
  const running = isRunning(card);
  bodyOf(card).setAttribute("aria-busy", running);
  if (!running) finishProse(card);
}

function render(turn, response) {
  const card = cardOf(turn, response.position);
  bodyOf(card).innerHTML = response.html;
  card.querySelector("[data-error]").textContent = response.error ?? "";
  card.toggleAttribute("data-cut-off", response.cut_off);
  setState(card, response.state);
  if (isRunning(card)) followEnd(card);
}

// Once for each time that something is written, by its event or by a state that was sooner (the page
// itself may have come with it); what had failed before the page came is told with the first.
let told;
const ENDS = { done: "finished", stopped: "stopped", error: "failed" };
function endOf(card) {
  const { state, position: letter } = card.dataset;
  return sentence(ENDS[state], { letter, error: card.querySelector("[data-error]").textContent });
}

function tellBegin() {
  const running = lastCards().some(isRunning);
  const failed = told === undefined ? lastCards().filter((card) => card.dataset.state === "error") : [];
  if (running && !told) announce(sentence("started"), ...failed.map(endOf));
  told = running;
}

function tellEnd(...cards) {
  const finished = !lastCards().some(isRunning);
  if (finished) told = false;
  announce(...cards.map(endOf), finished && !whyNotYet() && sentence("open"));
}

// Whether thumbs were rendered with this value and these reasons and comment.
function says(thumbs, { value, reasons, comment }) {
  const [up, down] = [...thumbs.querySelectorAll(".thumb")].map((one) => one.getAttribute("aria-pressed") === "true");
  const boxes = [...thumbs.querySelectorAll("[name=reasons]")];
  return (
    up - down === value &&
    boxes.every((box) => box.defaultChecked === reasons.includes(box.value)) &&
    (thumbs.querySelector("textarea")?.defaultValue ?? "") === comment
  );
}

const events = {
  state({ battle }) {
    const known = battle.turns.every((turn, index) => cardOf(index + 1, turn.responses[0].position));
    if (!known || battle.state !== page().dataset.state) return refresh();
    const running = told === false ? [] : lastCards().filter(isRunning);
    battle.turns.forEach((turn, index) => turn.responses.forEach((response) => render(index + 1, response)));
    const ended = running.filter((card) => !isRunning(card));
    if (ended.length && (told || !lastCards().some(isRunning))) tellEnd(...ended);
    else tellBegin();
  },
  started({ turn, responses }) {
    if (!cardOf(turn, responses[0].position)) return refresh();
    for (const response of responses) {
      startOver(cardOf(turn, response.position));
      render(turn, { html: "", ...response });
    }
    unrank();
    told = false;
    tellBegin();
  },
  delta({ turn, position, html, block }) {
    const card = cardOf(turn, position);
    const body = card && bodyOf(card);
    if (!card || body.children.length < block) return socket.restart(); // missed some: ask for all
    if (!html) return; // nothing is drawn yet
    while (body.children.length > block) body.lastElementChild.remove();
    body.insertAdjacentHTML("beforeend", html);
    setState(card, "streaming");
    followEnd(card);
  },
  done({ turn, position, state, cut_off: cutOff }) {
    const card = cardOf(turn, position);
    if (!card) return socket.restart();
    card.toggleAttribute("data-cut-off", cutOff);
    setState(card, state);
    if (cutOff) followEnd(card);
    tellEnd(card);
  },
  error({ turn, position, error }) {
    const card = cardOf(turn, position);
    if (!card) return announce(error);
    card.querySelector("[data-error]").textContent = error;
    setState(card, "error");
    tellEnd(card);
  },
  // Set in another tab: this page's own thumbs bring their answer themselves.
  async reacted({ turn, position, ...said }) {
    const at = `#thumbs-${turn}-${position}`;
    const thumbs = document.querySelector(at);
    if (!thumbs || thumbs.querySelector(".htmx-request") || says(thumbs, said)) return;
    await htmx.ajax("GET", location.pathname, { target: at, select: at, swap: "outerHTML" });
  },
  changed: ({ state }) => page().dataset.state !== state && refresh(),
  revealed() {
    if (page().dataset.state !== "open") return;
    forgetTyped(ballotOf()); // its own answer finds no form any more
    refresh();
  },
};

let noticing;
const banner = document.getElementById("connection");
const socket = connect(`/ws/battles/${page().dataset.battle}/`, {
  message(event) {
    events[event.event]?.(event);
    updateBallot();
    // Once nothing is written, Stop is hidden: what it stopped is next to read.
    if (document.activeElement.id === "stop" && !lastCards().some(isRunning)) panelInView(lastTurn()).focus({ preventScroll: true });
  },
  lost() {
    noticing ??= setTimeout(() => (banner.hidden = false), SHOW_LOST_AFTER);
  },
  found() {
    clearTimeout(noticing);
    noticing = undefined;
    banner.hidden = true;
  },
  due: () => lastCards().some(isRunning),
});
addEventListener("offline", () => (banner.hidden = false));

// A swapped page may be older than the events that came meanwhile: begin again from the state.
document.addEventListener("htmx:afterSwap", ({ target }) => {
  restoreTyped();
  if (target.id !== "battle" && target.id !== "main") return;
  if (asking) unrank(); // where the page was sooner than the event
  restorePlaces();
  finishProse(page());
  updateBallot();
  if (sent?.matches("[data-composer]")) lastTurn().scrollIntoView();
  else document.getElementById(asking)?.scrollIntoView({ block: "nearest" });
  if (sent || asking) nextPart()?.focus({ preventScroll: true });
  sent = asking = undefined;
  socket.restart();
});

finishProse(page());
restoreTyped();
updateBallot();
