// On every page: what htmx has to say when a request fails, in the messages' live region; forms
// that stay valid; and the end of what was typed and not sent.
(() => {
  const messages = () => document.getElementById("messages");
  const say = (text) => {
    const line = document.createElement("p");
    line.className = "notice notice--bad";
    line.textContent = text;
    messages().replaceChildren(line);
    return line;
  };
  let unreachable;
  document.addEventListener("htmx:sendError", () => {
    unreachable = say(messages().dataset.unreachable);
    unreachable.id = "unreachable";
  });
  addEventListener("online", () => unreachable?.remove());
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful) messages().replaceChildren();
    else if (detail.failed && detail.xhr?.status && !messages().querySelector(".notice"))
      say(messages().dataset.failed.replace("CODE", detail.xhr.status));
  });

  // Signing in, in whichever tab, makes the tokens in open pages stale; the cookie's is valid.
  const renew = () => {
    const token = /\bcsrftoken=(\w+)/.exec(document.cookie);
    if (token) for (const field of document.getElementsByName("csrfmiddlewaretoken")) field.value = token[1];
  };
  for (const event of ["submit", "htmx:confirm"]) document.addEventListener(event, renew, true);

  // Who signs out or deletes their data leaves nothing typed behind, in no tab; see typed.js.
  const opened = Date.now();
  const withStorage = (work) => {
    try {
      return work();
    } catch {
      return undefined; // it is switched off: nothing was kept
    }
  };
  document.addEventListener("submit", ({ target }) => {
    if (!target.matches("[data-forget]")) return;
    // The page goes once the server has answered: what other tabs then ask for is a stranger's.
    const gone = () => {
      sessionStorage.clear();
      localStorage.setItem("forgotten", Date.now());
    };
    addEventListener("pagehide", () => withStorage(gone), { once: true });
  });
  const forget = () => {
    withStorage(() => sessionStorage.clear());
    location.reload();
  };
  addEventListener("storage", ({ key }) => key === "forgotten" && forget());
  // A page that the browser kept whole is back: it heard nothing meanwhile.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && withStorage(() => localStorage.getItem("forgotten")) > opened) forget();
  });
})();
