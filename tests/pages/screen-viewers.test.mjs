// Who else is there is asked for when their number changes, and newcomers are told of once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Viewers } from "../../portal/static/js/screen/viewers.js";

function viewers(lists) {
  const asked = [];
  const it = new Viewers(async () => {
    asked.push(true);
    return lists[Math.min(asked.length, lists.length) - 1];
  });
  const came = [];
  it.addEventListener("came", ({ detail }) => came.push(detail.name));
  return { it, asked, came };
}

const MINE = { connection: "1", name: "alice", mode: "control" };
const BOB = { connection: "2", name: "Bob", mode: "view" };
const count = (control, view) => ({ viewers: { control, view } });

test("they are asked for when their number changes, and only then", async () => {
  const { it, asked } = viewers([[MINE]]);
  await it.take(count(1, 0));
  await it.take(count(1, 0));
  assert.equal(asked.length, 1);
  await it.take(count(0, 1));
  assert.equal(asked.length, 2);
});

test("who comes is told of, but neither who was there before nor oneself", async () => {
  const { it, came } = viewers([[BOB], [BOB, MINE], [BOB, MINE, { ...BOB, connection: "3", name: "Carol" }]]);
  it.setOwn("1");
  await it.take(count(0, 1));
  await it.take(count(1, 1));
  assert.deepEqual(came, []);
  await it.take(count(1, 2));
  assert.deepEqual(came, ["Carol"]);
  assert.deepEqual(it.list.map(({ own }) => own), [false, true, false]);
});

test("an answer that does not come changes nothing", async () => {
  const it = new Viewers(() => Promise.reject(new Error("away")));
  await it.take(count(1, 0));
  assert.deepEqual(it.list, []);
});
