/* Service entry by keyboard: Ctrl+Enter saves, Alt and a digit chooses one of several, Esc begins anew. */
import { $, $$ } from "./dom.js";

document.addEventListener("keydown", (event) => {
  if (event.isComposing || $("dialog[open]")) return;
  const form = $("[data-service]");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "Escape" && (form ? !form.elements.text.value : $("[data-hit]"))) {
    location.assign("/service");
  } else if (event.altKey && /^Digit[1-9]$/.test(event.code)) {
    const hit = $$("[data-hit]")[Number(event.code.slice(5)) - 1];
    if (!hit) return;
    event.preventDefault();
    hit.click();
  }
});
