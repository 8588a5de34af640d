// A connection's round trips, and how its death is told from a slow way and from a page that slept.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DEAD_AFTER_MS, DOUBTED_AFTER_MS, RoundTrips } from "../../portal/static/js/screen/round-trips.js";

/** Ask once a second, as the page does; whether it is dead by `until`. */
function isDeadBy(trips, from, until) {
  for (let now = from; now <= until; now += 1_000) if (trips.isDead(now)) return true;
  return false;
}

test("a round trip is what lies between a probe and its return", () => {
  const trips = new RoundTrips(0);
  assert.equal(trips.latest, null);
  const number = trips.sent(100);
  assert.equal(trips.waiting, true);
  assert.equal(trips.returned(number, 130), 30);
  assert.equal(trips.waiting, false);
  assert.equal(trips.latest, 30);
});

test("the least of the recent ones is the way without a queue", () => {
  const trips = new RoundTrips(0);
  for (const [at, took] of [[0, 80], [1_000, 20], [2_000, 500]]) trips.returned(trips.sent(at), at + took);
  assert.equal(trips.least, 20);
  assert.ok(trips.smooth > 20 && trips.smooth < 500);
});

test("what was not sent, or has returned before, is no round trip", () => {
  const trips = new RoundTrips(0);
  const number = trips.sent(0);
  trips.returned(number, 10);
  assert.equal(trips.returned(number, 20), null);
  assert.equal(trips.returned(77, 20), null);
});

test("without an answer and without a byte, it is dead in the end", () => {
  const trips = new RoundTrips(0);
  trips.sent(0);
  assert.equal(isDeadBy(trips, 0, DEAD_AFTER_MS), false);
  assert.equal(isDeadBy(trips, DEAD_AFTER_MS + 1, DEAD_AFTER_MS + 2_000), true);
});

test("as long as a picture comes, it is only slow", () => {
  const trips = new RoundTrips(0);
  trips.sent(0);
  for (let now = 0; now < 4 * DEAD_AFTER_MS; now += 1_000) {
    trips.heard(now);
    assert.equal(trips.isDead(now), false);
  }
});

test("nothing asked, nothing missed", () => {
  assert.equal(isDeadBy(new RoundTrips(0), 0, 10 * DEAD_AFTER_MS), false);
});

test("a page that slept asks again before it believes that the connection is dead", () => {
  const trips = new RoundTrips(0);
  trips.sent(0);
  assert.equal(trips.isDead(1_000), false);
  const awake = 3_600_000;
  assert.equal(trips.isDead(awake), false);
  trips.sent(awake);
  assert.equal(isDeadBy(trips, awake + 1_000, awake + DOUBTED_AFTER_MS), false);
  assert.equal(isDeadBy(trips, awake + DOUBTED_AFTER_MS + 1, awake + DOUBTED_AFTER_MS + 1_000), true);
});

test("doubt does not wait long, and ends with an answer", () => {
  const trips = new RoundTrips(0);
  trips.doubt(1_000);
  const number = trips.sent(1_000);
  trips.returned(number, 1_050);
  trips.sent(2_000);
  assert.equal(isDeadBy(trips, 2_000, 2_000 + DEAD_AFTER_MS), false);
});
