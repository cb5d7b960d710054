// Fetches the standings again when a new snapshot is there; asks every 15 s without a socket.
// A choice in a list shows at once; without JavaScript its form has a button.
import { connect } from "./socket.js";

const POLL = 15_000;

const refresh = () => htmx.trigger("#standings", "refresh");
const socket = connect("/ws/leaderboard/", {
  message: ({ event }) => event === "leaderboard" && refresh(),
});
setInterval(() => {
  if (!socket.isOpen() && !document.hidden) refresh();
}, POLL);

document.addEventListener("change", ({ target }) => {
  target.closest("[data-choose]")?.requestSubmit();
});
