/* The call log: a row opens in place with legs, sound and the reason for everything. */
import { $, $$, ask, markup, toast } from "./dom.js";
import { player } from "./player.js";
import { t } from "./texts.js";

function bring(root) {
  for (const element of $$("[data-playable]", root)) player(element);
}

async function toggle(button) {
  const row = button.closest("tr");
  const handle = $("[data-expand]", row);
  if (row.nextElementSibling?.classList.contains("c-expanded")) {
    row.nextElementSibling.remove();
    handle.setAttribute("aria-expanded", "false");
    return;
  }
  handle.setAttribute("aria-expanded", "true");
  const open = document.createElement("tr");
  open.className = "c-expanded";
  const cell = open.insertCell();
  cell.colSpan = row.cells.length;
  const waiting = document.createElement("span");
  waiting.className = "c-skeleton";
  cell.append(waiting);
  row.after(open);
  try {
    cell.replaceChildren(markup(await ask(`/calls/${button.dataset.expand}/detail`, { html: true })));
    bring(cell);
  } catch (error) {
    open.remove();
    handle.setAttribute("aria-expanded", "false");
    toast(error.message || t("no_network"), "bad");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-expand]");
  if (button) toggle(button);
});
bring(document);
