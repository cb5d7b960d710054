// What screen readers are told: starts, ends and errors, never each word. The sentences stand in
// the page; {names} in them are filled in.
const place = () => document.getElementById("announcements");

export function sentence(name, values = {}) {
  return (place().dataset[name] ?? "").replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export function announce(...sentences) {
  place().textContent = sentences.filter(Boolean).join(" ");
}
