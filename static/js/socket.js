// A socket that comes back by itself: waits longer after each failure, at once when the
// network or the tab returns. `message` gets each parsed event; `lost` and `found` tell the page.

const FIRST_WAIT = 400;
const LONGEST_WAIT = 15_000;
const REFUSED = new Set([4401, 4404]); // the server's own "no": no use in asking again

export function connect(path, { message, lost = () => {}, found = () => {} }) {
  const address = new URL(path, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  let socket;
  let wait = FIRST_WAIT;
  let timer;

  function dial() {
    clearTimeout(timer);
    const mine = (socket = new WebSocket(address));
    mine.onmessage = ({ data }) => {
      if (mine !== socket) return;
      wait = FIRST_WAIT;
      found();
      message(JSON.parse(data));
    };
    mine.onclose = ({ code }) => {
      if (mine !== socket) return;
      socket = undefined;
      if (REFUSED.has(code)) return;
      lost();
      timer = setTimeout(dial, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  }

  function close() {
    clearTimeout(timer);
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
    if (!socket && !document.hidden) {
      wait = FIRST_WAIT;
      restart();
    }
  };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && restart());
  dial();
  return { restart, close, isOpen: () => socket?.readyState === WebSocket.OPEN };
}
