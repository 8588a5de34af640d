// What is known of sessions survives a lost connection, and nothing that is gone stays.

import assert from "node:assert/strict";
import { test } from "node:test";

import { changeWords, SessionBook } from "../../portal/static/js/sessions.js";

function session(id, fields = {}) {
  return {
    id,
    phase: "running",
    name: id,
    created_at: `2026-03-01T12:00:0${id}.000Z`,
    ended_at: null,
    viewers: { control: 0, view: 0 },
    warning: null,
    access: { role: "owner" },
    ...fields,
  };
}

function told(...sessions) {
  const book = new SessionBook();
  book.reset();
  sessions.forEach((one) => book.update(one));
  book.settle();
  return book;
}

test("until everything is told again, what was known stays", () => {
  const book = told(session("1"), session("2"));
  book.reset();
  assert.deepEqual(
    book.all().map(({ id }) => id),
    ["2", "1"],
  );
});

test("what a complete telling leaves out is gone", () => {
  const book = told(session("1"), session("2"));
  book.reset();
  book.update(session("2"));
  book.settle();
  assert.deepEqual(
    book.all().map(({ id }) => id),
    ["2"],
  );
});

test("a telling that breaks off and begins anew loses nothing", () => {
  const book = told(session("1"), session("2"));
  book.reset();
  book.update(session("2"));
  book.reset();
  book.update(session("1"));
  book.update(session("2"));
  book.settle();
  assert.equal(book.all().length, 2);
});

test("an update tells what was before, a delete what is gone", () => {
  const book = told(session("1"));
  assert.equal(book.update(session("1", { phase: "suspended" })).phase, "running");
  assert.equal(book.delete("1").phase, "suspended");
  assert.equal(book.delete("1"), null);
});

test("own living ones newest first, ended ones by their end, others' apart", () => {
  const book = told(
    session("1"),
    session("2"),
    session("3", { phase: "ended", ended_at: "2026-03-01T13:00:00.000Z" }),
    session("4", { phase: "ended", ended_at: "2026-03-01T14:00:00.000Z" }),
    session("5", { access: { role: "guest" } }),
    session("6", { access: { role: "guest" }, phase: "ended" }),
  );
  const { living, ended, shared } = book.arranged();
  assert.deepEqual(
    [living, ended, shared].map((part) => part.map(({ id }) => id)),
    [["2", "1"], ["4", "3"], ["5"]],
  );
});

test("a change is called by what matters most of it", () => {
  const one = session("1");
  assert.equal(changeWords(null, one), "created");
  assert.equal(changeWords(one, { ...one, phase: "ended", name: "other" }), "ended");
  assert.equal(changeWords(one, { ...one, warning: "LifetimeEnding" }), "warned");
  assert.equal(changeWords(one, { ...one, viewers: { control: 1, view: 0 } }), "joined");
  assert.equal(changeWords({ ...one, viewers: { control: 1, view: 1 } }, one), "left");
  assert.equal(changeWords(one, { ...one, usage: {} }), null);
});
