// A socket that comes back by itself: waits longer after each failure, at once when the network
// returns, or the tab after a silence. `message` gets each parsed event; `lost` and `found` tell the
// page. While events are `due`, silence too is a loss: a path that dies need not close the socket.

const FIRST_WAIT = 400;
const LONGEST_WAIT = 15_000;
const SILENCE = 20_000; // while events are due, the server says something every ten seconds
const REFUSED = new Set([4401, 4404]); // the server's own "no": no use in asking again

export function connect(path, { message, lost = () => {}, found = () => {}, due = () => false }) {
  const address = new URL(path, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  let socket;
  let wait = FIRST_WAIT;
  let timer;
  let heard;
  let silence;

  function listen() {
    heard = Date.now();
    clearTimeout(silence);
    silence = setTimeout(() => {
      if (!due()) return;
      lost();
      restart();
    }, SILENCE);
  }

  function dial() {
    clearTimeout(timer);
    listen();
    const mine = (socket = new WebSocket(address));
    mine.onmessage = ({ data }) => {
      if (mine !== socket) return;
      listen();
      wait = FIRST_WAIT;
      found();
      message(JSON.parse(data));
    };
    mine.onclose = ({ code }) => {
      if (mine !== socket) return;
      socket = undefined;
      clearTimeout(silence);
      if (REFUSED.has(code)) return;
      lost();
      timer = setTimeout(dial, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  }

  function close() {
    clearTimeout(timer);
    clearTimeout(silence);
    const old = socket;
    socket = undefined;
    // Closing one that is still connecting makes the browser complain.
    if (old?.readyState === WebSocket.CONNECTING) old.onopen = () => old.close();
    else old?.close();
  }

  function restart() {
    close();
    dial();
  }

  const hurry = () => {
    wait = FIRST_WAIT;
    restart();
  };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && (!socket || Date.now() - heard > SILENCE)) hurry();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && restart());
  dial();
  return { restart, close, isOpen: () => socket?.readyState === WebSocket.OPEN };
}
