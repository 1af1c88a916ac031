/* A recording with its wave. The server made the peaks, so nothing is decoded here and the sound loads only when played. */
import WaveSurfer from "../vendor/wavesurfer.esm.js";
import { $, ask, setIcon } from "./dom.js";
import { afterSilence } from "./silence.js";
import { assets, duration, t, why } from "./texts.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let playing = null;

export async function player(element) {
  if (element.dataset.ready) return;
  element.dataset.ready = "yes";
  const id = element.dataset.recording;
  const play = $("[data-play]", element);
  try {
    const answer = await ask(`/api/v1/recordings/${id}/peaks`);
    const peaks = Array.isArray(answer) ? answer : answer.peaks;
    const seconds = answer.seconds ?? Number(element.dataset.seconds);
    build(element, play, id, peaks, seconds);
  } catch (error) {
    $("[data-wave]", element).textContent = t("no_sound", { why: why(error) });
    play.disabled = true;
  }
}

function build(element, play, id, peaks, seconds) {
  const wave = WaveSurfer.create({
    container: $("[data-wave]", element),
    height: 48,
    barWidth: 2,
    barGap: 1,
    barRadius: 1,
    normalize: true,
    cursorWidth: 2,
    waveColor: colour("--c-line-strong"),
    progressColor: colour("--c-accent"),
    cursorColor: colour("--c-ink"),
    peaks: [peaks],
    duration: seconds,
    url: `/api/v1/recordings/${id}/audio`,
    cspNonce: assets.nonce,
    dragToSeek: true,
  });
  const show = (on) => {
    setIcon($("svg", play), on ? "player-pause" : "player-play");
    play.setAttribute("aria-label", t(on ? "pause_playing" : "play"));
    if (on && playing !== wave) playing?.pause();
    if (on) playing = wave;
  };
  play.addEventListener("click", () => wave.playPause().catch?.(() => {}));
  wave.on("play", () => show(true));
  wave.on("pause", () => show(false));
  wave.on("finish", () => show(false));
  wave.on("timeupdate", (at) => {
    $("[data-at]", element).textContent = duration(at);
    if (!$("[data-skip]", element).checked || !wave.isPlaying()) return;
    const next = afterSilence(peaks, seconds, at);
    if (next !== null && next > at) wave.setTime(next);
  });
  $("[data-speed]", element).addEventListener("change", (event) => wave.setPlaybackRate(Number(event.target.value), true));
  element.dataset.drawn = "yes";
}
