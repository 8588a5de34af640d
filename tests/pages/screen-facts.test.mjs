// What the screen page knows, when it connects by itself, and what it says meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AT_FIRST, CLOSED, reduce, wantsLink } from "../../portal/static/js/screen/facts.js";
import { viewOf } from "../../portal/static/js/screen/view.js";

const SESSION = { id: "01", name: "Terminal", user: "alice", phase: "running", version: 5, reason: null, message: "", exit_code: null };
const running = { type: "session", session: SESSION };

function after(...events) {
  return events.reduce(reduce, AT_FIRST);
}

function phase(name, more = {}) {
  return { type: "session", session: { ...SESSION, version: 9, phase: name, ...more } };
}

const CONNECTED = [running, { type: "opening" }, { type: "open" }, { type: "pictured" }];
const closed = (code, retryAt = 1_000) => ({ type: "closed", code, retryAt });

test("a session is waited for until it can be connected to, and then it is", () => {
  assert.equal(wantsLink(AT_FIRST, 0), false);
  assert.equal(wantsLink(after(phase("pending")), 0), false);
  assert.equal(wantsLink(after(phase("starting")), 0), false);
  assert.equal(wantsLink(after(running), 0), true);
  assert.equal(wantsLink(after(running, { type: "opening" }), 0), false);
});

test("opening a suspended session resumes it", () => {
  const facts = after(phase("suspended"));
  assert.equal(wantsLink(facts, 0), true);
  assert.equal(viewOf(reduce(facts, { type: "opening" })).state, "resuming");
});

test("what its owner has put aside, a guest does not take up, and goes on when it is resumed", () => {
  const aside = (version) => phase("suspended", { version, access: { role: "guest", mode: "control", paused: true } });
  for (const facts of [after(aside(9)), after(...CONNECTED, closed(CLOSED.suspended), aside(9))]) {
    assert.equal(wantsLink(facts, 1e9), false);
    assert.equal(wantsLink(reduce(facts, { type: "released" }), 1e9), false);
    const view = viewOf(facts);
    assert.equal(view.state, "paused");
    assert.match(view.text, /alice/u);
    assert.deepEqual(view.actions, ["home"]);
    assert.deepEqual(viewOf({ ...facts, guest: true }).actions, []);
    const resumed = phase("running", { version: 10, access: { role: "guest", mode: "control", paused: false } });
    assert.equal(wantsLink(reduce(facts, resumed), 0), true);
  }
});

test("each stage of a start is told", () => {
  const states = [
    viewOf(AT_FIRST),
    viewOf(after(phase("pending", { queue_position: 3 }))),
    viewOf(after(phase("starting", { progress: 0.4 }))),
    viewOf(after(phase("starting", { progress: null }))),
    viewOf(after(running)),
    viewOf(after(running, { type: "opening" }, { type: "open" })),
    viewOf(after(...CONNECTED)),
  ];
  assert.deepEqual(
    states.map(({ state }) => state),
    ["loading", "queued", "pulling", "starting", "connecting", "connecting", "connected"],
  );
  assert.match(states[1].title, /3/u);
  assert.match(states[2].title, /40 %/u);
  assert.equal(states[2].progress, 0.4);
});

for (const [name, code] of [["a broken connection", 1006], ["one whose terms have changed", 4004]]) {
  test(`${name} is tried again when its time has come`, () => {
    const facts = after(...CONNECTED, closed(code, 5_000));
    assert.equal(viewOf(facts).state, "reconnecting");
    assert.equal(viewOf(facts).retryAt, 5_000);
    assert.equal(wantsLink(facts, 4_999), false);
    assert.equal(wantsLink(facts, 5_000), true);
  });
}

test("whoever asks, or a network that is back, need not wait", () => {
  const facts = after(...CONNECTED, closed(1006, 5_000));
  assert.equal(wantsLink(reduce(facts, { type: "now" }), 0), true);
  const offline = reduce(facts, { type: "network", online: false });
  assert.equal(viewOf(offline).state, "offline");
  assert.equal(wantsLink(reduce(offline, { type: "network", online: true }), 0), true);
});

for (const [name, code, state] of [
  ["disconnected by request", CLOSED.disconnected, "disconnected"],
  ["suspended", CLOSED.suspended, "suspended"],
  ["revoked", CLOSED.revoked, "revoked"],
  ["the sign-in has ended", CLOSED.signedOut, "signed-out"],
]) {
  test(`put out (${name}), nobody comes back unasked`, () => {
    const facts = after(...CONNECTED, closed(code));
    assert.equal(viewOf(facts).state, state);
    assert.equal(wantsLink(facts, 1e9), false);
    assert.equal(wantsLink(reduce(facts, running), 1e9), false);
    assert.equal(wantsLink(reduce(facts, { type: "released" }), 0), true);
  });
}

test("a session that somebody else resumes is shown again", () => {
  const facts = after(...CONNECTED, closed(CLOSED.suspended), phase("suspended", { version: 10 }));
  assert.equal(viewOf(facts).state, "suspended");
  assert.equal(wantsLink(reduce(facts, phase("running", { version: 11 })), 0), true);
});

test("an end is told with its reason, and is not connected to", () => {
  const failed = after(...CONNECTED, closed(CLOSED.ended), phase("ended", { reason: "OutOfMemory", message: "Raise mem_limit." }));
  assert.equal(viewOf(failed).state, "ended");
  assert.equal(viewOf(failed).tone, "bad");
  assert.match(viewOf(failed).text, /memory/u);
  assert.equal(viewOf(failed).detail, "Raise mem_limit.");
  assert.deepEqual(viewOf(failed).actions, ["again", "log", "home"]);
  assert.equal(wantsLink(failed, 1e9), false);
  const closedIt = after(phase("ended", { reason: "CommandExited", exit_code: 0 }));
  assert.equal(viewOf(closedIt).tone, "neutral");
});

test("after an end, each is offered what is theirs to do", () => {
  const actions = (role) => viewOf(after(phase("ended", { reason: "Terminated", access: { role, mode: "view" } }))).actions;
  assert.deepEqual(actions("owner"), ["again", "log", "home"]);
  assert.deepEqual(actions("administrator"), ["log", "home"]);
  assert.deepEqual(actions("guest"), ["home"]);
});

test("once the display says that it is over, nobody tries to connect, and the reason is waited for", () => {
  const facts = after(...CONNECTED, closed(CLOSED.ended));
  assert.equal(viewOf(facts).state, "terminating");
  assert.equal(wantsLink(facts, 1e9), false);
  assert.equal(viewOf(reduce(facts, phase("ended", { reason: "Terminated" }))).state, "ended");
});

test("a guest whose session ends is told so, although the link leads nowhere then", () => {
  const events = [...CONNECTED, closed(CLOSED.ended), { type: "problem", problem: { status: 404, code: "share_invalid", detail: "" } }];
  const view = viewOf(events.reduce(reduce, { ...AT_FIRST, guest: true }));
  assert.equal(view.state, "ended");
  assert.deepEqual(view.actions, []);
});

test("what is older than what is known changes nothing", () => {
  const facts = after(phase("ended", { reason: "Terminated", version: 9 }));
  assert.equal(reduce(facts, running), facts);
});

test("while the supervisor is away it is said, and afterwards it goes on at once", () => {
  const away = { type: "upstream", upstream: { connected: false, message: "It does not answer." } };
  const facts = after(...CONNECTED, closed(1006, 60_000), away);
  assert.equal(viewOf(facts).state, "unavailable");
  assert.equal(wantsLink(facts, 1e9), false);
  const back = reduce(facts, { type: "upstream", upstream: { connected: true, message: "" } });
  assert.equal(wantsLink(back, 0), true);
});

test("hearing again that the supervisor is there does not hurry an attempt", () => {
  const facts = after(...CONNECTED, closed(1006, 60_000));
  const again = reduce(facts, { type: "upstream", upstream: { connected: true, message: "" } });
  assert.equal(wantsLink(again, 0), false);
});

test("a picture that is there stays, whatever else is away", () => {
  const facts = after(...CONNECTED, { type: "unreachable" }, { type: "upstream", upstream: { connected: false, message: "" } });
  assert.equal(viewOf(facts).state, "connected");
});

test("a session that is not there is told as such, and shown if it is there after all", () => {
  const facts = after({ type: "problem", problem: { status: 404, code: "session_not_found", detail: "" } });
  assert.equal(viewOf(facts).state, "gone");
  assert.equal(wantsLink(reduce(facts, running), 0), true);
});

test("a refusal stands until somebody acts", () => {
  const refused = after(running, { type: "opening" }, closed(null), { type: "problem", problem: { status: 403, code: "forbidden", detail: "No." } });
  assert.equal(viewOf(refused).state, "refused");
  assert.equal(wantsLink(reduce(refused, running), 1e9), false);
  assert.equal(wantsLink(reduce(refused, { type: "released" }), 0), true);
});

test("whoever's access is taken back is told so, although the session is not there for them any more", () => {
  const gone = { type: "problem", problem: { status: 404, code: "share_invalid", detail: "" } };
  assert.equal(viewOf(after(...CONNECTED, closed(CLOSED.revoked), gone)).state, "revoked");
});

test("a guest says a name before anything is shown", () => {
  const guest = { ...AT_FIRST, guest: true, nameless: true };
  const facts = reduce(guest, running);
  assert.equal(viewOf(facts).state, "naming");
  assert.equal(wantsLink(facts, 0), false);
  assert.equal(wantsLink(reduce(facts, { type: "named" }), 0), true);
});

test("a guest is offered no way that is not theirs", () => {
  const guest = { ...AT_FIRST, guest: true };
  for (const events of [[phase("ended")], [phase("pending")], [running, closed(CLOSED.revoked)], [{ type: "problem", problem: { status: 404, code: "share_invalid", detail: "" } }]]) {
    assert.deepEqual(viewOf(events.reduce(reduce, guest)).actions, []);
  }
});
