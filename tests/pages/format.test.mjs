// Amounts and times as people read them.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ago,
  bytes,
  cores,
  duration,
  initials,
  percent,
  plural,
  since,
  until,
} from "../../portal/static/js/format.js";

const NOW = new Date("2026-03-01T12:00:00Z");

function before(seconds) {
  return new Date(NOW.getTime() - seconds * 1000).toISOString();
}

test("bytes have at most three digits that matter, and their unit", () => {
  const shown = [0, 999, 1024, 1536, 1000 * 1024, 5.25 * 1024 ** 3, 300 * 1024 ** 2].map(bytes);
  assert.deepEqual(shown, ["0 bytes", "999 bytes", "1 KiB", "1.5 KiB", "1 MiB", "5.3 GiB", "300 MiB"]);
});

test("one core is one, and next to nothing is idle", () => {
  assert.deepEqual([0, 0.001, 0.25, 1, 12.34].map(cores), [
    "idle",
    "idle",
    "0.25 cores",
    "1 core",
    "12.3 cores",
  ]);
});

test("a duration has the two largest units", () => {
  assert.deepEqual([0, 59, 60, 3600, 5400, 90061].map(duration), [
    "0 s",
    "59 s",
    "1 min",
    "1 h",
    "1 h 30 min",
    "1 d 1 h",
  ]);
});

test("what was a moment ago is just now", () => {
  assert.equal(ago(before(3), NOW), "just now");
  assert.equal(ago(before(300), NOW), "5 min ago");
  assert.equal(ago(before(2 * 86400), NOW), "2 days ago");
  assert.equal(since(before(7300), NOW), "2 h");
});

test("what was just chosen for a day is read as a day", () => {
  assert.equal(until(before(-86390), NOW), "in 1 day");
  assert.equal(until(before(-3599), NOW), "in 1 h");
  assert.equal(until(before(-40), NOW), "in 40 s");
  assert.equal(until(before(5), NOW), "now");
});

test("initials are of the first and the last name, in any script", () => {
  assert.deepEqual(["Alice Liddell", "bob", "j.r.r.tolkien", "Łukasz Żak", ""].map(initials), [
    "AL",
    "B",
    "JT",
    "ŁŻ",
    "?",
  ]);
});

test("counts and shares", () => {
  assert.equal(plural(1, "viewer"), "1 viewer");
  assert.equal(plural(3, "person is", "people are"), "3 people are");
  assert.equal(percent(0.404), "40 %");
});
