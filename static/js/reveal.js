// After the vote: the button that takes it back counts down. Without JavaScript it is a plain form,
// which the server refuses once it is late.

function countDown(form) {
  const end = performance.now() + 1000 * Number(form.dataset.takeBack);
  const place = form.querySelector("[data-left]");
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (!form.isConnected) return;
    if (left > 0) {
      place.textContent = place.dataset.left.replace("{seconds}", left);
      setTimeout(tick, 250);
      return;
    }
    const focused = form.contains(document.activeElement);
    form.remove();
    if (focused) document.querySelector('[data-key="n"]')?.focus();
  };
  form.removeAttribute("data-take-back");
  tick();
}

const begin = () => document.querySelectorAll("[data-take-back]").forEach(countDown);
document.addEventListener("htmx:afterSwap", begin);
begin();
