// The page of components: its examples of a sheet and of a response work.
import { finishProse } from "./prose.js";

const sheet = document.getElementById("shortcuts");

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-sheet]")) sheet.showModal();
  if (target === sheet) sheet.close();
});

finishProse(document);
