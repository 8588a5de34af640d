// A form's fields, one for each declared param, by its type.

import { fill, freshId, h, set } from "../dom.js";
import { icon } from "../icons.js";
import { nearestStop, stopsOf } from "./amounts.js";
import { read, shown } from "./values.js";

const MOST_SEGMENTS = 4;
const MOST_LETTERS = 36;

/**
 * A field: `element`, `read()` -> {value, wrong}, `complain(text)`, `focus()`.
 * @param {object} param as the template has it
 * @param {any} value what it is to begin with; undefined for nothing
 */
export function fieldFor(param, value) {
  switch (param.type) {
    case "boolean":
      return switchField(param, value);
    case "choice":
      return choiceField(param, value);
    case "string":
      return textField(param, value);
    default:
      return amountField(param, value);
  }
}

/** The parts that all fields share: label, help, complaint. `control` is what the label is for. */
export function framed({ label, help = "", optional = false, control, body = control, group = false }) {
  const helpId = freshId("help");
  const wrongId = freshId("wrong");
  control.id ||= freshId("control");
  const wrong = h("p", { class: "wrong", id: wrongId, hidden: true, "aria-live": "polite" });
  const labelled = [label, optional ? h("span", { class: "optional" }, " optional") : null];
  const described = () => [help ? helpId : "", wrong.hidden ? "" : wrongId].filter(Boolean).join(" ") || null;
  const title = group ? h("legend", {}, labelled) : h("label", { for: control.id }, labelled);
  const element = h(
    group ? "fieldset" : "div",
    { class: "field" },
    title,
    body,
    help ? h("p", { class: "help", id: helpId }, help) : null,
    wrong,
  );
  const complain = (text) => {
    wrong.hidden = !text;
    fill(wrong, text ? [icon("alert", { size: 15 }), h("span", {}, text)] : []);
    set(control, { "aria-invalid": text ? "true" : null, "aria-describedby": described() });
  };
  set(control, { "aria-describedby": described() });
  return { element, complain, focus: () => control.focus() };
}

function whole(param, frame, input) {
  const field = { ...frame, read: () => read(param, input()) };
  field.check = () => {
    const { wrong } = field.read();
    field.complain(wrong);
    return wrong;
  };
  return field;
}

function isOptional(param) {
  return !param.required && (param.default === null || param.default === undefined);
}

function textField(param, value) {
  const control = h("input", {
    class: "input",
    value: shown(param, value),
    maxlength: param.max_length || null,
    required: param.required,
    autocomplete: "off",
  });
  const field = whole(
    param,
    framed({ label: param.label, help: param.help, optional: isOptional(param), control }),
    () => control.value,
  );
  control.addEventListener("change", field.check);
  return field;
}

function switchField(param, value) {
  const control = h("input", {
    type: "checkbox",
    role: "switch",
    checked: value === true,
    id: freshId("control"),
  });
  const frame = framed({
    label: param.label,
    help: param.help,
    control,
    body: h("label", { class: "switch" }, control, h("span", {}, param.label)),
  });
  // The switch has its label beside it; one above would say the same twice.
  frame.element.firstElementChild.remove();
  return whole(param, frame, () => control.checked);
}

function choiceField(param, value) {
  const choices = isOptional(param) ? [{ value: "", label: "Default" }, ...param.choices] : param.choices;
  const letters = choices.reduce((sum, choice) => sum + choice.label.length, 0);
  const chosen = String(value ?? "");
  if (choices.length <= MOST_SEGMENTS && letters <= MOST_LETTERS) {
    const { group, input } = segments(choices, chosen);
    return whole(param, framed({ label: param.label, help: param.help, control: group, group: true }), input);
  }
  const control = h(
    "select",
    { class: "select" },
    choices.map((choice) =>
      h("option", { value: String(choice.value), selected: String(choice.value) === chosen }, choice.label),
    ),
  );
  const field = whole(param, framed({ label: param.label, help: param.help, control }), () => control.value);
  control.addEventListener("change", field.check);
  return field;
}

/** Radios side by side: `group` is the element, `input()` the value chosen. */
export function segments(choices, chosen, onchange = () => {}) {
  const name = freshId("choice");
  const fallback = choices.some((choice) => String(choice.value) === chosen)
    ? chosen
    : String(choices[0].value);
  const group = h(
    "div",
    { class: "segments" },
    choices.map((choice) =>
      h(
        "label",
        {},
        h("input", {
          type: "radio",
          name,
          value: String(choice.value),
          checked: String(choice.value) === fallback,
          onchange,
        }),
        h("span", {}, choice.label),
      ),
    ),
  );
  group.focus = () => group.querySelector("input:checked")?.focus();
  return { group, input: () => group.querySelector("input:checked")?.value ?? "" };
}

function amountField(param, value) {
  const stops = value === undefined ? [] : stopsOf(param);
  const plain = param.type === "integer" || param.type === "number";
  const control = h("input", {
    class: `input numbers ${stops.length ? "narrow" : ""}`,
    inputmode: plain ? "decimal" : "text",
    value: shown(param, value),
    required: param.required,
    autocomplete: "off",
    placeholder: plain ? null : { size: "for example 2 GiB", duration: "for example 8 h" }[param.type],
  });
  const range = stops.length ? slider(param, stops, value, control) : null;
  const body = range
    ? h("div", { class: "range" }, h("div", { class: "range-track" }, range.element, range.ends), control)
    : control;
  const field = whole(
    param,
    framed({ label: param.label, help: param.help, optional: isOptional(param), control, body }),
    () => control.value,
  );
  control.addEventListener("change", () => {
    if (field.check()) return;
    const { value: now } = field.read();
    control.value = shown(param, now);
    range?.follow(now);
  });
  range?.element.addEventListener("input", () => field.complain(""));
  return field;
}

function slider(param, stops, value, control) {
  const element = h("input", {
    type: "range",
    min: 0,
    max: stops.length - 1,
    step: 1,
    "aria-label": `${param.label}, slider`,
  });
  const told = (now) => {
    element.setAttribute("aria-valuetext", shown(param, now));
    element.style.setProperty("--fill", `${(element.value / (stops.length - 1)) * 100}%`);
  };
  const follow = (now) => {
    if (typeof now !== "number") return;
    element.value = nearestStop(stops, now);
    told(now);
  };
  element.addEventListener("input", () => {
    const now = stops[element.value];
    control.value = shown(param, now);
    told(now);
  });
  follow(value);
  const ends = h(
    "div",
    { class: "range-ends", "aria-hidden": "true" },
    h("span", {}, shown(param, stops[0])),
    h("span", {}, shown(param, stops[stops.length - 1])),
  );
  return { element, follow, ends };
}
