/* Sound and notification for a pop. The sound is made here, so there is no file; it needs one click in the page first. */
import { t } from "./texts.js";

const KEY = "callcenter.muted";
let audio = null;
let ringing = null;
const open = new Map();

export const muted = () => localStorage.getItem(KEY) === "1";
export function mute(on) {
  localStorage.setItem(KEY, on ? "1" : "0");
  if (on) silence();
}

// Another tab was muted: this one falls silent too.
window.addEventListener("storage", () => muted() && silence());

/** Browsers allow sound and questions only after a gesture; one that was made on the page before may still count. */
function sound() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume();
}
function unlock() {
  sound();
  if ("Notification" in window && Notification.permission === "default" && !muted()) Notification.requestPermission();
}
export function ready() {
  for (const name of ["pointerdown", "keydown"]) window.addEventListener(name, unlock, { once: true });
}

function tone(at, frequency, length) {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.16, at + 0.02);
  gain.gain.setValueAtTime(0.16, at + length - 0.04);
  gain.gain.linearRampToValueAtTime(0, at + length);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + length);
}

function once() {
  if (audio?.state !== "running") return;
  const at = audio.currentTime;
  for (const [delay, frequency] of [[0, 660], [0.18, 880], [0.36, 660], [0.54, 880]]) tone(at + delay, frequency, 0.16);
}

/** Rings until silence(); one ring for all calls. */
export function ring() {
  if (muted() || ringing) return;
  sound();
  once();
  ringing = setInterval(once, 2400);
}
export function silence() {
  clearInterval(ringing);
  ringing = null;
}

/** A notification with the caller; the tag keeps it single, however many tabs there are. */
export function announce(callId, who, detail) {
  if (muted() || !("Notification" in window) || Notification.permission !== "granted") return;
  const note = new Notification(`${t("incoming")}: ${who}`, { body: detail, tag: `call-${callId}`, requireInteraction: true });
  note.onclick = () => {
    window.focus();
    note.close();
    if (!document.querySelector("[data-calls]")) location.assign("/desk");
  };
  open.set(callId, note);
}
export function withdraw(callId) {
  open.get(callId)?.close();
  open.delete(callId);
}
