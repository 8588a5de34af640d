// Who signs out goes to where that leads, whatever else on the page hears of it.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

let api = null;
let went = [];
let answers = [];
let life = 0;

beforeEach(async () => {
  went = [];
  answers = [];
  globalThis.location = { pathname: "/", search: "", hash: "", assign: (to) => went.push(to) };
  globalThis.sessionStorage = { clear: () => null };
  globalThis.fetch = (path) =>
    path === "/api/me"
      ? Promise.resolve(Response.json({ csrf_token: "token" }))
      : new Promise((resolve) => answers.push(resolve));
  life += 1; // what a module keeps is a page's
  api = await import(`../../portal/static/js/api.js?${life}`);
});

const asked = async () => {
  while (answers.length === 0) await new Promise(setImmediate);
};

test("the stream that says so first leads nowhere else", async () => {
  const left = api.signOut("https://proxy.example/sign-out");
  await asked();
  api.goSignIn();
  answers[0](new Response(null, { status: 204 }));
  await left;
  api.goSignIn();
  assert.deepEqual(went, ["https://proxy.example/sign-out"]);
});

test("refused, one stays, and is asked to sign in when that is over", async () => {
  const left = api.signOut("/sign-in");
  await asked();
  answers[0](Response.json({ code: "broken" }, { status: 503 }));
  await assert.rejects(left, { code: "broken" });
  assert.deepEqual(went, []);
  api.goSignIn();
  assert.deepEqual(went, ["/sign-in?next=%2F"]);
});
