// A remote screen gets the window's size, but never one that applications cannot do with.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LEAST_WIDTH, wantedSize } from "../../portal/static/js/screen/wanted-size.js";

test("a window's size is what is asked for, in whole pixels", () => {
  assert.deepEqual(wantedSize(1280, 800), { w: 1280, h: 800 });
  assert.deepEqual(wantedSize(3840.5, 2160.9), { w: 3840, h: 2160 });
});

test("a phone gets a wider screen of the same proportions", () => {
  const { w, h } = wantedSize(390, 844);
  assert.equal(w, LEAST_WIDTH);
  assert.ok(Math.abs(w / h - 390 / 844) < 0.001);
});
