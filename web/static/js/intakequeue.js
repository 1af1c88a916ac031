/* The queue shows what colleagues do: it is read anew when something has changed, but never under somebody's fingers. */
import { $ } from "./dom.js";
import * as live from "./live.js";

const WAIT = 400; // ms: several changes at once are one look
const place = $("[data-live-queue]");
let timer = null;
let stale = false;

const busy = () => place.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);

async function look() {
  timer = null;
  if (document.hidden || busy()) return (stale = true);
  stale = false;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = $("[data-live-queue]", fresh);
  if (!now || busy()) return (stale = true);
  // Where the keyboard is stays where it is.
  const at = document.activeElement?.closest?.("[data-live-queue] a[href]")?.getAttribute("href");
  place.replaceChildren(...now.childNodes);
  if (at) $(`[data-live-queue] a[href="${CSS.escape(at)}"]`)?.focus();
}

const soon = () => (timer ??= setTimeout(look, WAIT));

if (place) {
  live.on("link", (link) => link === "connected" && live.subscribe("intake"));
  live.on("change", (_state, message) => {
    if (message?.type === "intake.changed") soon();
  });
  document.addEventListener("visibilitychange", () => stale && soon());
  place.addEventListener("focusout", () => stale && soon());
}
