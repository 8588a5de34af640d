// Where one is sent after signing in, and what logs and tables show.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chosen, counts, totals } from "../../portal/static/js/admin/rows.js";
import { cleaned, LineBuffer } from "../../portal/static/js/log/lines.js";
import { refusalWords } from "../../portal/static/js/launch/refusals.js";
import { linkToken, nextPath } from "../../portal/static/js/sign-in/next.js";

const ORIGIN = "https://portal.example";

function next(path) {
  return nextPath(`?next=${encodeURIComponent(path)}`, ORIGIN);
}

test("after signing in one goes on to where one wanted to", () => {
  assert.equal(next("/sessions/01jd?x=1#y"), "/sessions/01jd?x=1#y");
  assert.equal(nextPath("", ORIGIN), "/");
});

test("what stood behind # when one was sent to sign in is there again; a token is not", () => {
  assert.equal(nextPath("?next=/", ORIGIN, "#launch=xfce"), "/#launch=xfce");
  assert.equal(nextPath("?next=/", ORIGIN, "#link=secret"), "/");
});

test("and to no other place, however it is written", () => {
  for (const path of [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/sign-in",
    "/..//evil.example",
    "evil",
  ]) {
    assert.equal(next(path), "/", path);
  }
});

test("a one-time link's token is what stands behind link=", () => {
  assert.equal(linkToken("#link=abc.def-_"), "abc.def-_");
  assert.equal(linkToken("#launch"), null);
});

test("lines are whole, whatever the pieces they come in", () => {
  const buffer = new LineBuffer();
  assert.deepEqual(buffer.push("one\ntw"), ["one"]);
  assert.deepEqual(buffer.push("o\nthree"), ["two"]);
  assert.deepEqual(buffer.end(), ["three"]);
  assert.deepEqual(buffer.end(), []);
});

test("colours, titles and overwritten progress are not shown", () => {
  assert.equal(cleaned("\u001b[1;32mok\u001b[0m \u001b]0;title\u0007done\r"), "ok done");
  assert.equal(cleaned("10 %\r50 %\r100 %"), "100 %");
});

const SESSIONS = [
  {
    id: "1",
    user: "bob",
    name: "Desk",
    template: "xfce",
    phase: "running",
    created_at: "2026-03-01T10:00:00Z",
    usage: { memory_bytes: 5, cpu_cores: 1 },
    viewers: { control: 1, view: 1 },
  },
  {
    id: "2",
    user: "alice",
    name: "Terminal",
    template: "terminal",
    phase: "ended",
    created_at: "2026-03-01T11:00:00Z",
    usage: { memory_bytes: 9 },
    viewers: { control: 0, view: 0 },
  },
  {
    id: "3",
    user: "carol",
    name: "Analysis",
    template: "xfce",
    phase: "pending",
    created_at: "2026-03-01T12:00:00Z",
    viewers: {},
  },
];

function ids(view) {
  return chosen(SESSIONS, { group: "all", words: "", sort: "user", down: false, ...view }).map(
    ({ id }) => id,
  );
}

test("the table is sorted by any column, both ways, largest first where that is asked for first", () => {
  assert.deepEqual(ids({}), ["2", "1", "3"]);
  assert.deepEqual(ids({ down: true }), ["3", "1", "2"]);
  assert.deepEqual(ids({ sort: "memory" }), ["2", "1", "3"]);
  assert.deepEqual(ids({ sort: "since" }), ["3", "2", "1"]);
});

test("all words have to be there, and the phase", () => {
  assert.deepEqual(ids({ words: "XFCE bob" }), ["1"]);
  assert.deepEqual(ids({ group: "waiting" }), ["3"]);
  assert.deepEqual(ids({ group: "living", words: "terminal" }), []);
});

test("figures are of the living", () => {
  assert.deepEqual(totals(SESSIONS), { memoryBytes: 5, cores: 1, viewers: 2, users: 2 });
  assert.deepEqual(counts(SESSIONS), { all: 3, living: 2, waiting: 1, running: 1, suspended: 0, ended: 1 });
});

test("a refusal is told to whoever wanted to launch, not to administrators", () => {
  assert.doesNotMatch(
    refusalWords({ code: "draining", detail: "fxctl undrain", passes: true }).text,
    /fxctl/u,
  );
  assert.equal(refusalWords({ code: "another", detail: "Because.", passes: false }).text, "Because.");
});
