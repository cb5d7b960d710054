// Light or dark: the reader's own choice if there is one, else the system's.
// Loaded in <head> without defer, so that the first paint already has the right colours.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is switched off: the system's choice holds
    }
  };
  const show = () => {
    const theme = kept();
    if (theme) root.dataset.theme = theme;
    root.dataset.shown = theme ?? (system.matches ? "dark" : "light");
  };
  root.classList.add("js");
  show();
  system.addEventListener("change", show);
  addEventListener("storage", show);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const theme = root.dataset.shown === "dark" ? "light" : "dark";
    root.dataset.theme = root.dataset.shown = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // not kept: the choice lasts for this page
    }
  });
})();
