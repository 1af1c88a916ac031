/* What every page needs: forms that ask first, CSRF for htmx, menus, the search key, the live connection's light. */
import { $, $$, confirmed, toast } from "./dom.js";
import * as live from "./live.js";
import "./pops.js";
import * as ring from "./ring.js";
import { assets, meta, t } from "./texts.js";
import "./clock.js";
import "./tabs.js";

document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = meta("csrf-token");
});
document.addEventListener("htmx:before:request", () => ($("[data-bar]").hidden = false));
for (const name of ["htmx:after:request", "htmx:error", "htmx:response:error"])
  document.addEventListener(name, () => ($("[data-bar]").hidden = true));
document.addEventListener("htmx:error", () => toast(t("no_network"), "bad"));

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  if (!(await confirmed(form.dataset.confirm, form.dataset.confirmYes))) return;
  form.dataset.confirmed = "yes";
  form.requestSubmit();
});

// A menu closes when the reader turns elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of $$("details.c-menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of $$("details.c-menu[open]")) {
    menu.open = false;
    $("summary", menu).focus();
  }
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && $("#q")) {
    event.preventDefault();
    $("#q").focus();
  }
});

const light = $("[data-link]");
let offlineSince = null;
live.on("link", (link) => {
  const shown = { connected: "connected", connecting: "connecting" }[link] ?? "offline";
  if (light) {
    light.dataset.link = shown;
    light.dataset.state = { connected: "available", connecting: "ringing", offline: "offline" }[shown];
    $("[data-link-text]", light).textContent = t(shown === "offline" ? "connecting" : shown);
  }
  if (link === "signed_out") location.assign(`${assets.login}?next=${encodeURIComponent(location.pathname)}`);
  if (link === "rights_changed") toast(t("rights_changed"), "warn");
  const banner = $("[data-offline]");
  if (link === "connected") {
    clearTimeout(offlineSince);
    offlineSince = null;
    if (banner) banner.hidden = true;
  }
  // A blink is not worth a banner; the attempts to come back do not start the wait anew.
  else if (banner) offlineSince ??= setTimeout(() => (banner.hidden = false), 3000);
});

live.on("change", (_state, message) => {
  const text = message?.type === "notice" ? t(`notice_${message.data.code}`, { count: message.data.count, user: message.data.user }) : "";
  if (text) toast(text, "ok");
});

function showMute() {
  const button = $("[data-mute]");
  if (!button) return;
  button.setAttribute("aria-pressed", String(ring.muted()));
  $("[data-mute-text]", button).textContent = t(ring.muted() ? "muted" : "unmuted");
}
$("[data-mute]")?.addEventListener("click", () => {
  ring.mute(!ring.muted());
  showMute();
});
showMute();
window.addEventListener("storage", showMute);
ring.ready();
live.connect();
