/* Where a recording is silent, from its peaks; pure. */
const SILENCE = 0.03;
const LONGEST_SILENCE = 1.2;

/** The next moment with sound after `at`, if the silence there is long enough to be skipped. */
export function afterSilence(peaks, seconds, at) {
  const step = seconds / peaks.length;
  const from = Math.floor(at / step);
  if (!(Math.abs(peaks[from]) < SILENCE)) return null;
  let to = from;
  while (to < peaks.length && Math.abs(peaks[to]) < SILENCE) to += 1;
  return (to - from) * step > LONGEST_SILENCE && to < peaks.length ? to * step - 0.2 : null;
}
