// The panels of the responses: they stay at their start while they are written, or follow the end
// once the reader has gone there; they scroll together or apart, one can be enlarged, and on a
// narrow screen tabs choose one.
import { reachWide } from "./prose.js";
import { recall, remember } from "./typed.js";

const END = 80; // px from the end that still count as the end: it moves while one scrolls there
const KEPT = "panels";
const positions = new WeakMap(); // panel → {top, following}

const page = () => document.getElementById("battle");
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

function remembered() {
  try {
    return localStorage.getItem(KEPT) === "together";
  } catch {
    return false; // storage is switched off: the choice lasts for this page
  }
}
let together = remembered();
let enlarged = ""; // the id of the response
let places = new Map();

function positionOf(panel) {
  if (!positions.has(panel)) positions.set(panel, { top: 0, following: false });
  return positions.get(panel);
}

function scrollTo(panel, top) {
  const position = positionOf(panel);
  panel.scrollTop = top;
  position.top = panel.scrollTop;
}

// After text was added.
export function followEnd(card) {
  const panel = card.querySelector("[data-scroller]");
  if (positionOf(panel).following) scrollTo(panel, panel.scrollHeight);
  if ("fits" in card.dataset) reachWide(card);
}

// When a response is written from its beginning.
export const startOver = (card) => positions.delete(card.querySelector("[data-scroller]"));

function scrolled(panel) {
  const position = positionOf(panel);
  if (Math.abs(panel.scrollTop - position.top) < 1) return; // our own doing
  const end = panel.scrollHeight - panel.clientHeight;
  const up = panel.scrollTop < position.top;
  // The first pixel upwards counts; but a text that became shorter scrolls up by itself, to its end.
  if (up ? panel.scrollTop < end - 1 : panel.scrollTop >= end - END) position.following = !up;
  position.top = panel.scrollTop;
  if (!together || end <= 0) return;
  const share = panel.scrollTop / end;
  for (const other of panel.closest("[data-panels]").querySelectorAll("[data-scroller]")) {
    if (other === panel) continue;
    positionOf(other).following = position.following;
    scrollTo(other, share * (other.scrollHeight - other.clientHeight));
  }
}

document.addEventListener(
  "scroll",
  ({ target }) => {
    if (!target.matches) return;
    if (target.matches("[data-panels]")) turned(target);
    if (target.matches("[data-scroller]")) scrolled(target);
  },
  { capture: true, passive: true },
);

document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest("[data-together]")) switchTogether();
  const expand = target.closest("[data-expand]");
  if (expand) enlarge(expand.closest(".response"));
  const tab = target.closest("[data-panel]");
  if (tab && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const card = document.querySelector(tab.getAttribute("href"));
    showPanel(card);
    card.querySelector("[data-scroller]").focus({ preventScroll: true }); // as a link's target is read next
  }
});

function switchTogether() {
  together = !together;
  try {
    localStorage.setItem(KEPT, together ? "together" : "apart");
  } catch {
    // not kept: the choice lasts for this page
  }
  showChoices();
}

function enlarge(card) {
  enlarged = enlarged === card.id ? "" : card.id;
  showChoices();
  reachWide(page());
  card.querySelector("[data-expand]").scrollIntoView({ block: "nearest" });
}

function showPanel(card, behavior = reducedMotion.matches ? "auto" : "smooth") {
  const panels = card.parentElement;
  const left = card.getBoundingClientRect().left - panels.getBoundingClientRect().left;
  // To a place, not by a distance: that would stop at each panel between.
  panels.scrollTo({ left: panels.scrollLeft + left, behavior });
}

const inView = (panels) => Math.round(Math.abs(panels.scrollLeft) / panels.clientWidth);
export const panelInView = (turn) => turn.querySelectorAll("[data-scroller]")[inView(turn.querySelector("[data-panels]"))];
const keyOf = (panels) => `panel ${panels.closest(".turn").dataset.turn}`;

function turned(panels) {
  showTab(panels);
  // Where all are in view, none was turned to.
  if (panels.scrollWidth > panels.clientWidth) remember(keyOf(panels), inView(panels));
}

// The panel that was in view; in a new turn that of the turn before.
function showPanels() {
  let number = 0;
  for (const panels of page().querySelectorAll("[data-panels]")) {
    number = recall(keyOf(panels)) ?? number;
    showPanel(panels.children[number], "instant");
  }
}

function showTab(panels) {
  const tabs = panels.closest(".turn").querySelectorAll("[data-panel]");
  const number = inView(panels);
  tabs.forEach((tab, index) => (index === number ? tab.setAttribute("aria-current", "true") : tab.removeAttribute("aria-current")));
}

function showChoices() {
  for (const button of page().querySelectorAll("[data-together]")) button.setAttribute("aria-pressed", together);
  for (const card of page().querySelectorAll(".response")) {
    card.toggleAttribute("data-enlarged", card.id === enlarged);
    card.querySelector("[data-expand]")?.setAttribute("aria-pressed", card.id === enlarged);
  }
  for (const panels of page().querySelectorAll("[data-panels]")) showTab(panels);
}

// A new rendering of the page begins where the reader was.
export function keepPlaces() {
  places = new Map(
    [...page().querySelectorAll(".response")].map((card) => {
      const panel = card.querySelector("[data-scroller]");
      return [card.id, { ...positionOf(panel), top: panel.scrollTop }];
    }),
  );
}

export function restorePlaces() {
  for (const card of page().querySelectorAll(".response")) {
    const place = places.get(card.id);
    if (!place || card.dataset.state === "pending") continue; // what is written anew begins at its start
    const panel = card.querySelector("[data-scroller]");
    positions.set(panel, { top: place.top, following: place.following });
    scrollTo(panel, place.top);
  }
  showPanels();
  showChoices();
}

showPanels();
showChoices();
