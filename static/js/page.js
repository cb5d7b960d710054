// On every page: what htmx has to say when a request fails, in the messages' live region.
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
})();
