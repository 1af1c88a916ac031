/* Tabs by mouse, arrows and Alt+1…9. Panels are found beside their tab list, so several sets may stand in a page. */
import { $, $$ } from "./dom.js";

export function select(tab, focus = false) {
  const list = tab.closest('[role="tablist"]');
  for (const other of $$('[role="tab"]', list)) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
    const panel = $(`[data-panel="${other.dataset.tab}"]`, list.parentElement);
    if (panel) panel.hidden = !on;
    // A part that waits to be looked at is fetched now; one that came takes its place, so it is asked for once.
    if (on) panel?.querySelector("[data-on-opening]")?.dispatchEvent(new CustomEvent("tab-open"));
  }
  if (focus) tab.focus();
}

/** Selects the nth tab (from 1) of the visible tab list; false when there is none. */
export function selectNth(n) {
  const list = $$('[role="tablist"]').find((candidate) => candidate.offsetParent !== null);
  const tab = list && $$('[role="tab"]', list)[n - 1];
  if (!tab) return false;
  select(tab, true);
  return true;
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest?.('[role="tab"]');
  if (tab) select(tab);
});
document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.('[role="tab"]');
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!tab || !step || event.altKey) return;
  const all = $$('[role="tab"]', tab.closest('[role="tablist"]'));
  select(all[(all.indexOf(tab) + step + all.length) % all.length], true);
  event.preventDefault();
});
