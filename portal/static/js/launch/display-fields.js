// The part of the form that every template has: the screen's size, and how large things are on it.

import { freshId, h } from "../dom.js";
import { framed, segments } from "./fields.js";
import { fitting, geometryFault } from "./values.js";

const PRESETS = ["1280x800", "1600x900", "1920x1080", "1920x1200", "2560x1440", "3840x2160"];
const SCALES = [
  [96, "100 %"],
  [120, "125 %"],
  [144, "150 %"],
  [192, "200 %"],
];

/** @param {string} chosen "fit", one of the presets, or any WIDTHxHEIGHT */
export function geometryField(template, chosen) {
  const presets = [
    ...new Set([...PRESETS, template.geometry].filter((size) => size && !geometryFault(size))),
  ];
  presets.sort((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10));
  const kind = chosen === "fit" ? "fit" : presets.includes(chosen) ? "preset" : "custom";
  const start = kind === "custom" ? chosen : template.geometry || "1280x800";
  const preset = h(
    "select",
    { class: "select", "aria-label": "Size" },
    presets.map((size) =>
      h("option", { value: size, selected: size === (kind === "preset" ? chosen : start) }, times(size)),
    ),
  );
  const [width, height] = start.split("x").map((side) => sideInput(side));
  const custom = h(
    "div",
    { class: "row" },
    labelled("Width", width),
    h("span", { "aria-hidden": "true" }, "×"),
    labelled("Height", height),
    h("span", { class: "quiet small" }, "pixels"),
  );
  const about = h(
    "p",
    { class: "help" },
    "The screen takes the size of your browser's window, and follows it.",
  );
  const more = { fit: about, preset, custom };
  const show = () => {
    for (const [name, element] of Object.entries(more)) element.hidden = name !== kindOf();
  };
  const { group, input: kindOf } = segments(
    [
      { value: "fit", label: "Fit my window" },
      { value: "preset", label: "Preset" },
      { value: "custom", label: "Custom" },
    ],
    kind,
    () => show(),
  );
  const frame = framed({
    label: "Screen size",
    control: group,
    group: true,
    body: h("div", { class: "stack" }, group, about, preset, custom),
  });
  show();
  const choice = () =>
    ({ fit: "fit", preset: preset.value, custom: `${width.value.trim()}x${height.value.trim()}` })[kindOf()];
  const read = () => {
    const picked = choice();
    const value = picked === "fit" ? fitting(innerWidth, innerHeight) : picked;
    return { value, wrong: geometryFault(value) };
  };
  return { ...frame, read, choice, check: () => checked(frame, read) };
}

function sideInput(side) {
  return h("input", {
    class: "input narrow numbers",
    inputmode: "numeric",
    value: side,
    maxlength: 5,
    autocomplete: "off",
  });
}

function labelled(label, input) {
  input.id = freshId("side");
  return h("span", {}, h("label", { class: "only-heard", for: input.id }, label), input);
}

function times(geometry) {
  return geometry.replace("x", " × ");
}

/** How large text and controls are: dots per inch, said as a scale. */
export function dpiField(template, chosen) {
  const known = SCALES.some(([dpi]) => dpi === chosen);
  const scales = known
    ? SCALES
    : [...SCALES, [chosen, `${Math.round((chosen / 96) * 100)} %`]].sort((one, other) => one[0] - other[0]);
  const { group, input } = segments(
    scales.map(([value, label]) => ({ value, label })),
    String(chosen),
  );
  const frame = framed({
    label: "Scale",
    help: "How large text and buttons are, for screens with many pixels.",
    control: group,
    group: true,
  });
  return { ...frame, read: () => ({ value: Number(input()), wrong: "" }), check: () => "" };
}

function checked(frame, read) {
  const { wrong } = read();
  frame.complain(wrong);
  return wrong;
}
