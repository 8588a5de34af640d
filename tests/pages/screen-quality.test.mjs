// The picture's quality follows what the connection can carry, without going to and fro.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FIRST_STEP, QualityLadder, STEPS } from "../../portal/static/js/screen/quality.js";

const EASY = { roundTripMs: 22, leastMs: 20, bytesPerSecond: 500_000 };
const QUIET = { ...EASY, bytesPerSecond: 0 };
const QUEUED = { roundTripMs: 900, leastMs: 20, bytesPerSecond: 500_000 };

/** The same observation every two seconds; how many there were until the step changed. */
function untilChange(ladder, observation, from, most = 200) {
  for (let count = 1; count <= most; count += 1) {
    if (ladder.observe({ ...observation, now: from + 2_000 * count })) return count;
  }
  return null;
}

test("steps go from lean to good", () => {
  for (const [index, step] of STEPS.entries()) {
    if (index === 0) continue;
    assert.ok(step.quality > STEPS[index - 1].quality);
    assert.ok(step.compression < STEPS[index - 1].compression);
  }
});

test("pictures that queue up make it worse at once, one slow round trip does not", () => {
  const ladder = new QualityLadder();
  assert.equal(ladder.observe({ ...QUEUED, now: 0 }), false);
  assert.equal(ladder.observe({ ...EASY, now: 2_000 }), false);
  assert.equal(untilChange(ladder, QUEUED, 2_000), 2);
  assert.equal(ladder.step, FIRST_STEP - 1);
});

test("a long way without a queue is no reason to make it worse", () => {
  const ladder = new QualityLadder();
  untilChange(ladder, { roundTripMs: 420, leastMs: 400, bytesPerSecond: 500_000 }, 0, 30);
  assert.ok(ladder.step >= FIRST_STEP);
});

test("it gets better when the way has been easy for a while, up to the best", () => {
  const ladder = new QualityLadder(0);
  assert.ok(untilChange(ladder, EASY, 0) >= 3);
  assert.equal(ladder.step, 1);
  untilChange(ladder, EASY, 100_000);
  untilChange(ladder, EASY, 200_000);
  untilChange(ladder, EASY, 300_000);
  assert.equal(ladder.step, STEPS.length - 1);
  assert.equal(untilChange(ladder, EASY, 400_000), null);
});

test("a quiet screen proves less than a busy one", () => {
  const busy = untilChange(new QualityLadder(0), EASY, 0);
  const quiet = untilChange(new QualityLadder(0), QUIET, 0);
  assert.ok(quiet > 3 * busy, `${quiet} observations, ${busy} of a busy screen`);
});

test("an improvement that was too early is tried again less soon", () => {
  const ladder = new QualityLadder(1);
  const first = untilChange(ladder, EASY, 0);
  untilChange(ladder, QUEUED, 2_000 * first);
  assert.equal(ladder.step, 1);
  assert.ok(untilChange(ladder, EASY, 100_000) > first);
});

test("nothing is leaner than the leanest", () => {
  const ladder = new QualityLadder(0);
  assert.equal(untilChange(ladder, QUEUED, 0, 20), null);
  assert.equal(ladder.step, 0);
});
