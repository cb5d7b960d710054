// After the vote: N goes on to the next battle, and the button that takes the vote back counts
// down. Without JavaScript the button is a plain form, which the server refuses once it is late.

const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "n" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.isComposing || typing(event.target)) return;
  document.querySelector("[data-next]")?.click();
});

function countDown(form) {
  const end = performance.now() + 1000 * Number(form.dataset.takeBack);
  const place = form.querySelector("[data-left]");
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (!form.isConnected) return;
    if (left > 0) {
      place.textContent = `${left} s`;
      setTimeout(tick, 250);
      return;
    }
    const focused = form.contains(document.activeElement);
    form.remove();
    if (focused) document.querySelector("[data-next]")?.focus();
  };
  form.removeAttribute("data-take-back");
  tick();
}

const begin = () => document.querySelectorAll("[data-take-back]").forEach(countDown);
document.addEventListener("htmx:afterSwap", begin);
begin();
