// What is filled in becomes what is asked for, or a sentence at its field.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  durationText,
  nearestStop,
  parseDuration,
  parseSize,
  sizeText,
  stopsOf,
} from "../../portal/static/js/launch/amounts.js";
import {
  fieldOf,
  fitting,
  geometryFault,
  read,
  rulesSentence,
  sentence,
  shown,
  stillValid,
} from "../../portal/static/js/launch/values.js";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

function param(type, fields = {}) {
  return {
    name: "it",
    type,
    required: false,
    default: null,
    minimum: null,
    maximum: null,
    min_length: 0,
    max_length: 0,
    pattern: null,
    choices: [],
    ...fields,
  };
}

test("sizes are read as people write them", () => {
  assert.deepEqual(
    ["2g", "2 GiB", "512m", "1.5 GB", "1,5g", "300 MiB", "4"].map((text) => parseSize(text)),
    [2 * GIB, 2 * GIB, 512 * MIB, 1.5 * GIB, 1.5 * GIB, 300 * MIB, 4 * GIB],
  );
  assert.ok(["", "many", "2 x", "-1g"].every((text) => Number.isNaN(parseSize(text))));
});

test("a size that was shown is read as the same size", () => {
  for (const size of [1, 1023, 1024, 1536 * MIB, 300 * MIB, 2 * GIB, 7 * GIB + 512 * MIB, 16 * 1024 * GIB]) {
    assert.equal(parseSize(sizeText(size)), size);
  }
});

test("durations are read as people write them, and back", () => {
  assert.deepEqual(
    ["90 min", "8 h", "1h30m", "2 days", "45s", "8"].map(parseDuration),
    [5400, 28800, 5400, 172800, 45, 28800],
  );
  assert.ok(["", "soon", "1 year"].every((text) => Number.isNaN(parseDuration(text))));
  for (const seconds of [1, 60, 5400, 28800, 90061, 604800])
    assert.equal(parseDuration(durationText(seconds)), seconds);
});

test("a slider's stops begin and end at the limits, and hold the default", () => {
  const memory = stopsOf(param("size", { minimum: 256 * MIB, maximum: 8 * GIB, default: 2 * GIB }));
  assert.deepEqual(memory.map(sizeText), [
    "256 MiB",
    "384 MiB",
    "512 MiB",
    "768 MiB",
    "1 GiB",
    "1.5 GiB",
    "2 GiB",
    "3 GiB",
    "4 GiB",
    "6 GiB",
    "8 GiB",
  ]);
  const cores = stopsOf(param("number", { minimum: 0.5, maximum: 4, default: 1 }));
  assert.deepEqual([cores[0], cores.includes(1), cores.at(-1)], [0.5, true, 4]);
  assert.deepEqual(stopsOf(param("integer", { minimum: 1, maximum: 4 })), [1, 2, 3, 4]);
});

test("without both limits there is no slider", () => {
  assert.deepEqual(stopsOf(param("number", { minimum: 1 })), []);
  assert.deepEqual(stopsOf(param("number", { minimum: 1, maximum: 1 })), []);
});

test("a value between stops is shown at the nearest", () => {
  assert.equal(nearestStop([1, 2, 4, 8], 5), 2);
});

test("limits are told in the words in which they are written", () => {
  const memory = param("size", { minimum: 256 * MIB, maximum: 8 * GIB });
  assert.equal(read(memory, "16g").wrong, "This has to be at most 8 GiB.");
  assert.equal(read(memory, "1m").wrong, "This has to be at least 256 MiB.");
  assert.match(read(memory, "lots").wrong, /512 MiB/u);
  assert.equal(read(param("integer"), "1.5").wrong, "This has to be a whole number.");
});

test("nothing given is left to the template, unless it must be given", () => {
  assert.deepEqual(read(param("number"), " "), { value: undefined, wrong: "" });
  assert.equal(read(param("string", { required: true }), "").wrong, "This has to be given.");
});

test("text is held against length and pattern; a pattern of another engine is left to the server", () => {
  const project = param("string", { pattern: "[a-z-]+", max_length: 8 });
  assert.equal(read(project, "my-lab").value, "my-lab");
  assert.match(read(project, "My Lab").wrong, /match/u);
  assert.match(read(project, "longer-than").wrong, /8 characters/u);
  assert.equal(read(param("string", { pattern: "(?i)abc", max_length: 8 }), "ABC").wrong, "");
});

test("a choice keeps the type of its value", () => {
  const seats = param("choice", {
    choices: [
      { value: 1, label: "One" },
      { value: "all", label: "All" },
    ],
  });
  assert.equal(read(seats, "1").value, 1);
  assert.equal(read(seats, "all").value, "all");
  assert.notEqual(read(seats, "2").wrong, "");
});

test("what was chosen last counts as far as the template still takes it", () => {
  const params = [
    param("number", { name: "cores", maximum: 4 }),
    param("boolean", { name: "gpu" }),
    param("size", { name: "memory" }),
  ];
  const last = { cores: 8, gpu: false, memory: 2 * GIB, gone: "x" };
  assert.deepEqual(stillValid(params, last), { gpu: false, memory: 2 * GIB });
});

test("a screen is as large as the window, in even numbers", () => {
  assert.equal(fitting(1441, 899), "1440x898");
  assert.equal(fitting(100, 99999), "320x16384");
  assert.equal(geometryFault("1280x800"), "");
  assert.ok(["1280", "x", "5x5", "99999x1"].every((text) => geometryFault(text) !== ""));
});

test("what the server refuses is a sentence at its field", () => {
  assert.equal(fieldOf(["params", "cores"]), "params.cores");
  assert.equal(fieldOf(["body", "geometry"]), "geometry");
  assert.equal(sentence("must be at most 4"), "This must be at most 4.");
  assert.equal(sentence("Field required"), "Field required.");
});

test("what a template's sessions end by is said beforehand", () => {
  assert.equal(
    rulesSentence({ lifetime_seconds: 28800, idle_seconds: null }),
    "The session ends 8 h after its start.",
  );
  assert.equal(rulesSentence(undefined), "");
  assert.equal(shown(param("duration"), 5400), "1 h 30 min");
});
