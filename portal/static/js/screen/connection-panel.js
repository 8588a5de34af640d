// How the connection does: round trip, what comes per second, and how good the picture is for it.

import { h } from "../dom.js";
import { bytes } from "../format.js";
import { attachPanel } from "./panel.js";
import { STEPS } from "./quality.js";

const GOOD_MS = 80;
const FAIR_MS = 200;

/** @param {import("./pulse.js").Pulse} pulse */
export function attachConnection(button, pulse) {
  const shown = button.querySelector(".latency");
  const measures = { trip: h("dd", { class: "numbers" }), flow: h("dd", { class: "numbers" }) };
  let automatic = null;

  const update = () => {
    const ms = pulse.roundTripMs;
    button.dataset.grade = gradeOf(ms);
    shown.textContent = ms === null ? "…" : `${Math.max(1, Math.round(ms))} ms`;
    measures.trip.textContent = shown.textContent;
    measures.flow.textContent = `${bytes(Math.round(pulse.bytesPerSecond))}/s`;
    if (automatic) automatic.textContent = automaticWords(pulse);
  };
  attachPanel(button, "Connection", () => {
    automatic = h("span", {});
    const steps = [...STEPS.keys()].reverse();
    const nodes = [
      h("h2", { class: "panel-title" }, "Connection"),
      h("dl", { class: "measures" }, measure("Round trip", measures.trip), measure("Picture", measures.flow)),
      h(
        "fieldset",
        { class: "choices" },
        h("legend", {}, "Picture quality"),
        choice(pulse, null, automatic),
        steps.map((step) => choice(pulse, step, STEPS[step].name)),
      ),
    ];
    update();
    return nodes;
  });
  pulse.addEventListener("measured", update);
  return update;
}

/** good, fair or poor; "" while it is not known. */
export function gradeOf(ms) {
  if (ms === null) return "";
  if (ms < GOOD_MS) return "good";
  return ms < FAIR_MS ? "fair" : "poor";
}

function measure(name, value) {
  return h("div", {}, h("dt", {}, name), value);
}

function choice(pulse, step, words) {
  const input = h("input", { type: "radio", name: "quality", checked: pulse.chosen === step, onchange: () => pulse.choose(step) });
  if (pulse.chosen === step) input.dataset.first = "";
  return h("label", { class: "choice" }, input, h("span", {}, words));
}

function automaticWords(pulse) {
  return pulse.chosen === null ? `Automatic: ${STEPS[pulse.step].name.toLowerCase()} at present` : "Automatic";
}
