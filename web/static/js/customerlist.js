/* The list of customers by keyboard: arrows go from row to row, Enter opens, Space picks; a count of who is picked. */
import { $, $$ } from "./dom.js";
import { t } from "./texts.js";

const table = $("[data-customers]");
const form = $("[data-bulk]");
const rows = () => $$("tbody tr", table);
const link = (row) => $("a", row);

function go(step) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
  if (next) link(next).focus();
}

document.addEventListener("keydown", (event) => {
  if (!table || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = event.target.closest?.("input:not([type=checkbox]), textarea, select, summary, button");
  // From the one box the arrow leads into what it has found.
  if (box && !(box.id === "q" && event.key === "ArrowDown")) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    go(event.key === "ArrowDown" ? 1 : -1);
  }
  const row = event.target.closest?.("[data-customers] tbody tr");
  const pick = row && $("input[type=checkbox]", row);
  if (event.key === " " && pick && event.target !== pick) {
    event.preventDefault();
    pick.click();
  }
});

function count() {
  const picked = $$("[data-customers] tbody input[type=checkbox]:checked").length;
  // What can be done appears with who it is done to; above a list that is only read it would be in the way.
  const wanted = picked > 0 || $("[name=everything]", form).checked;
  for (const one of form.querySelectorAll(":scope > .c-field, :scope > button")) one.classList.toggle("c-asleep", !wanted);
  $("[data-picked]", form).textContent = picked ? t("picked", { number: picked }) : t("nobody_picked");
}

if (form) {
  const what = $("#bulk-what");
  const show = () => {
    const plain = !["owner", "export"].includes(what.value);
    for (const [id, on] of [["bulk-value", plain], ["bulk-to", what.value === "owner"], ["bulk-reason", !plain]]) {
      const field = document.getElementById(id)?.closest(".c-field");
      if (field) field.hidden = !on;
    }
  };
  what.addEventListener("change", show);
  document.addEventListener("change", (event) => event.target.closest("[data-customers], [name=everything]") && count());
  show();
  count();
}
