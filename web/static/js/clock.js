/* The server's time, and every running timer of the page. Timers count from instants, so a tab that slept is right at once. */
import { duration, meta } from "./texts.js";

let offset = Number(meta("server-time")) - Date.now();
if (!Number.isFinite(offset) || !meta("server-time")) offset = 0;
let best = -Infinity;

/** Learns from a message's time: the largest difference seen had the shortest way here. */
export function hear(iso) {
  const difference = Date.parse(iso) - Date.now();
  if (!Number.isFinite(difference)) return;
  best = Math.max(best - 5, difference); // forgets slowly, so that a corrected clock is followed
  offset = best;
}

export const now = () => Date.now() + offset;
export const since = (iso) => (now() - Date.parse(iso)) / 1000;

const watchers = new Set();
/** Called once a second after the timers were drawn. */
export const everySecond = (watcher) => watchers.add(watcher);

/** Draws all timers: <time data-since="ISO">. */
export function draw(root = document) {
  for (const element of root.querySelectorAll("[data-since]")) {
    const text = element.dataset.since ? duration(since(element.dataset.since)) : "";
    if (element.textContent !== text) element.textContent = text;
  }
}

export function run(element, iso) {
  element.dataset.since = iso ?? "";
  element.textContent = iso ? duration(since(iso)) : "";
}

setInterval(() => {
  draw();
  for (const watcher of watchers) watcher();
}, 1000);
document.addEventListener("visibilitychange", () => draw());
