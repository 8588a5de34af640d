// Keys that are sent by name, texts from keyboards that tell of no keys, and the way out of the grab.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CHORDS, KEYS, keysymOf, press, typedBetween } from "../../portal/static/js/screen/keysyms.js";
import { LeaveChord } from "../../portal/static/js/screen/leave-chord.js";

function pressed(keys) {
  const sent = [];
  press((keysym, code, down) => sent.push(`${down ? "+" : "-"}${code}`), keys);
  return sent.join(" ");
}

function key(name, held) {
  return { key: name, ctrlKey: held.includes("c"), altKey: held.includes("a"), shiftKey: held.includes("s") };
}

test("keys of a chord go down in order and up in the opposite one", () => {
  assert.equal(
    pressed(["Control", "Alt", "Delete"].map((name) => KEYS[name])),
    "+ControlLeft +AltLeft +Delete -Delete -AltLeft -ControlLeft",
  );
});

test("every chord is of keys that there are", () => {
  for (const { keys } of CHORDS) for (const name of keys) assert.ok(KEYS[name], name);
});

test("characters have the keysyms of X", () => {
  assert.equal(keysymOf("a"), 0x61);
  assert.equal(keysymOf("é"), 0xe9);
  assert.equal(keysymOf("€"), 0x010020ac);
  assert.equal(keysymOf("😀"), 0x0101f600);
  assert.equal(keysymOf("\n"), 0xff0d);
  assert.equal(keysymOf("\t"), 0xff09);
});

test("what was typed is the difference of two texts", () => {
  assert.deepEqual(typedBetween("ab", "abc"), { erased: 0, added: ["c"] });
  assert.deepEqual(typedBetween("abc", "ab"), { erased: 1, added: [] });
  assert.deepEqual(typedBetween("teh", "the 😀"), { erased: 2, added: ["h", "e", " ", "😀"] });
  assert.deepEqual(typedBetween("ab", "ab"), { erased: 0, added: [] });
});

test("the three modifiers, let go alone, lead out", () => {
  const chord = new LeaveChord();
  chord.down(key("Control", "c"));
  chord.down(key("Alt", "ca"));
  chord.down(key("Shift", "cas"));
  assert.equal(chord.up(key("Alt", "cs")), true);
  assert.equal(chord.up(key("Control", "s")), false);
});

test("with another key they are the session's", () => {
  const chord = new LeaveChord();
  chord.down(key("Shift", "cas"));
  chord.down(key("T", "cas"));
  assert.equal(chord.up(key("T", "cas")), false);
  assert.equal(chord.up(key("Shift", "ca")), false);
});

test("two of them are not enough", () => {
  const chord = new LeaveChord();
  chord.down(key("Alt", "ca"));
  assert.equal(chord.up(key("Alt", "c")), false);
});
