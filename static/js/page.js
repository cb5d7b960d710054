// On every page: what htmx has to say when a request fails, in the messages' live region; and
// forms that stay valid.
(() => {
  const messages = () => document.getElementById("messages");
  const say = (text) => {
    const line = document.createElement("p");
    line.className = "notice notice--bad";
    line.textContent = text;
    messages().replaceChildren(line);
  };
  document.addEventListener("htmx:sendError", () =>
    say(messages().dataset.unreachable),
  );
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
})();
