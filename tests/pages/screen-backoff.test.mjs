// Attempts to connect again come less often the longer it lasts, and not all at once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { delayAfter, FIRST_MS, MOST_MS } from "../../portal/static/js/screen/backoff.js";

test("each wait is twice as long, up to a bound", () => {
  const latest = () => 1;
  assert.equal(delayAfter(0, latest), FIRST_MS);
  assert.equal(delayAfter(1, latest), 2 * FIRST_MS);
  assert.equal(delayAfter(3, latest), 8 * FIRST_MS);
  assert.equal(delayAfter(20, latest), MOST_MS);
  assert.equal(delayAfter(100_000, latest), MOST_MS);
});

test("waits are spread over their second half", () => {
  assert.equal(delayAfter(2, () => 0), 2 * FIRST_MS);
  assert.equal(delayAfter(2, () => 0.5), 3 * FIRST_MS);
});
