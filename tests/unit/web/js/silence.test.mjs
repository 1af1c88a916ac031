// Where a long silence of a recording ends.
import assert from "node:assert/strict";
import { test } from "node:test";

import { afterSilence } from "../../../../web/static/js/silence.js";

const peaks = [...Array(20).fill(0.5), ...Array(30).fill(0), ...Array(50).fill(0.4)];

test("a long silence is left shortly before the sound comes back", () => {
  assert.equal(afterSilence(peaks, 10, 2.5), 4.8);
});

test("sound, short pauses and the silent end are played", () => {
  assert.equal(afterSilence(peaks, 10, 1), null);
  assert.equal(afterSilence(peaks, 2, 0.5), null);
  assert.equal(afterSilence([0.5, ...Array(99).fill(0)], 10, 1), null);
});
