// Which way the clipboard goes is the session's policy and the viewer's mode; texts go once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { allowed, Clipboard } from "../../portal/static/js/screen/clipboard.js";

/** A clipboard that is let both ways, and what its display was given. */
function clipboard() {
  const given = [];
  const display = Object.assign(new EventTarget(), { clipboardPasteFrom: (text) => given.push(text) });
  const it = Object.assign(new Clipboard(), { inward: true, outward: true });
  it.attach(display);
  return { it, given, display };
}

test("the policy says which way, and nothing said means both", () => {
  assert.deepEqual(allowed("both", "control"), { inward: true, outward: true });
  assert.deepEqual(allowed(undefined, "control"), { inward: true, outward: true });
  assert.deepEqual(allowed("in", "control"), { inward: true, outward: false });
  assert.deepEqual(allowed("out", "control"), { inward: false, outward: true });
  assert.deepEqual(allowed("off", "control"), { inward: false, outward: false });
});

test("who only looks has no clipboard", () => {
  assert.deepEqual(allowed("both", "view"), { inward: false, outward: false });
});

test("a text that the session has is not sent again", () => {
  const { it, given } = clipboard();
  assert.equal(it.send("one"), true);
  assert.equal(it.send("one"), false);
  assert.equal(it.send(""), false);
  assert.deepEqual(given, ["one"]);
});

test("what the session copied does not come back to it", () => {
  const { it, given, display } = clipboard();
  display.dispatchEvent(new CustomEvent("clipboard", { detail: { text: "theirs" } }));
  assert.equal(it.text, "theirs");
  assert.equal(it.send("theirs"), false);
  assert.deepEqual(given, []);
});

test("a text that the relay would not take is refused here, with the connection left alone", () => {
  const { it, given } = clipboard();
  const refused = [];
  it.addEventListener("refused", ({ detail }) => refused.push(detail));
  assert.equal(it.send("x".repeat(300_000)), false);
  assert.deepEqual([given, refused], [[], [300_000]]);
});

test("nothing goes against the policy", () => {
  const { it, given, display } = clipboard();
  Object.assign(it, { inward: false, outward: false });
  it.send("one");
  display.dispatchEvent(new CustomEvent("clipboard", { detail: { text: "theirs" } }));
  assert.deepEqual(given, []);
  assert.equal(it.text, "");
});
