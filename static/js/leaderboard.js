// Fetches the standings again when a new snapshot is there; asks every 15 s without a socket.
import { connect } from "./socket.js";

const POLL = 15_000;

const refresh = () => htmx.trigger("#standings", "refresh");
const socket = connect("/ws/leaderboard/", {
  message: ({ event }) => event === "leaderboard" && refresh(),
});
setInterval(() => {
  if (!socket.isOpen() && !document.hidden) refresh();
}, POLL);
