// Names that are made to be read as something else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { plain } from "../../portal/static/js/plain.js";

test("no name turns the words after it round", () => {
  const shown = ["a\u202eb", "\u2066x\u2069", "\u202a\u202b\u202c\u202d", "\u2067\u2068"].map(plain);
  assert.deepEqual(shown, ["a\ufffdb", "\ufffdx\ufffd", "\ufffd".repeat(4), "\ufffd\ufffd"]);
});

test("names of any script stay as they are", () => {
  for (const name of ["Terminal", "טרמינל", "محطة\u200f 1", "端末 🙂", 42]) assert.equal(plain(name), String(name));
});
