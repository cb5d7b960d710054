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
    say("The server cannot be reached. Nothing was lost; try again in a moment."),
  );
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful) messages().replaceChildren();
    else if (detail.failed && detail.xhr?.status && !messages().querySelector(".notice"))
      say(`The server answered with an error (${detail.xhr.status}). Try again.`);
  });
})();
