// Phases and reasons in the words of the person whose session it is.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { actionsOf, endedWell, phaseWords, reasonSentence } from "../../portal/static/js/phases.js";

const LIFECYCLE = new URL("../../supervisor/lifecycle/session.py", import.meta.url);

function members(name) {
  const text = readFileSync(LIFECYCLE, "utf8");
  const body = text.slice(text.indexOf(`class ${name}(StrEnum)`)).split(/\nclass /u, 2)[0];
  return [...body.matchAll(/^ {4}[A-Z_]+ = "(\w+)"$/gmu)].map(([, value]) => value);
}

test("every reason that there is has a sentence of its own", () => {
  const reasons = members("Reason");
  assert.ok(reasons.length > 20);
  for (const reason of reasons) {
    const sentence = reasonSentence({ reason, message: "", exit_code: 1 });
    assert.match(sentence, /^[A-Z].*\.$/u, reason);
    assert.ok(!sentence.includes(reason), reason);
  }
});

test("a reason that is not known yet is told by its message", () => {
  assert.equal(reasonSentence({ reason: "SomethingNew", message: "The moon is full." }), "The moon is full.");
});

test("every phase that there is has a word and a tone", () => {
  const phases = members("Phase");
  assert.ok(phases.length >= 7);
  for (const phase of phases) {
    const { label, tone } = phaseWords({ phase, reason: null, progress: null, queue_position: null });
    assert.notEqual(label, phase);
    assert.match(tone, /^(good|busy|rest|warn|bad|neutral)$/u);
  }
});

test("waiting and pulling say how far they are", () => {
  assert.equal(phaseWords({ phase: "pending", queue_position: 3 }).label, "Queued, place 3");
  const pulling = phaseWords({ phase: "starting", progress: 0.4 });
  assert.deepEqual([pulling.label, pulling.progress], ["Pulling image 40 %", 0.4]);
  assert.deepEqual(phaseWords({ phase: "starting", progress: null }), {
    label: "Starting",
    tone: "busy",
    progress: null,
  });
});

test("a program that ended with an error is no good end", () => {
  assert.equal(endedWell({ reason: "CommandExited", exit_code: 0 }), true);
  assert.equal(endedWell({ reason: "CommandExited", exit_code: 2 }), false);
  assert.equal(endedWell({ reason: "IdleTimeout" }), true);
  assert.equal(endedWell({ reason: "OutOfMemory" }), false);
  assert.match(reasonSentence({ reason: "CommandExited", exit_code: 2 }), /exit code 2/u);
});

test("a guest can neither end nor rename nor share what is not theirs", () => {
  const can = actionsOf({ phase: "running", access: { role: "guest" } });
  assert.deepEqual(
    Object.keys(can).filter((name) => can[name]),
    ["connect"],
  );
});

test("an ended session can be removed and read, and nothing else", () => {
  const can = actionsOf({ phase: "ended", access: { role: "owner" } });
  assert.deepEqual(
    Object.keys(can).filter((name) => can[name]),
    ["log", "remove"],
  );
});

test("an administrator steers what is others', but does not share it", () => {
  const can = actionsOf({ phase: "running", access: { role: "administrator" } });
  assert.ok(can.terminate && can.suspend);
  assert.equal(can.share, false);
});
