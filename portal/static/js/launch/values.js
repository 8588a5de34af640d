// What a person filled in -> what a start asks for, and what is wrong with it. Pure.

import { durationText, parseDuration, parseSize, sizeText } from "./amounts.js";

const GEOMETRY = /^\d{2,5}x\d{2,5}$/u;
const MOST_PIXELS = 16384;
const LEAST_PIXELS = 10;

/** A declared value as text for an input. */
export function shown(param, value) {
  if (value === null || value === undefined) return "";
  if (param.type === "size") return sizeText(value);
  if (param.type === "duration") return durationText(value);
  return String(value);
}

/**
 * What was put in, as a value of the param's type.
 * @param {string|boolean} input
 * @returns {{value: any, wrong: string}} value undefined: not given, the template's default holds
 */
export function read(param, input) {
  if (param.type === "boolean") return { value: Boolean(input), wrong: "" };
  const text = param.type === "string" ? input : input.trim();
  if (text === "")
    return {
      value: undefined,
      wrong: param.required && param.default === null ? "This has to be given." : "",
    };
  const value = converted(param, text);
  const wrong = faultOf(param, value);
  return { value: wrong ? undefined : value, wrong };
}

function converted(param, text) {
  switch (param.type) {
    case "size":
      return parseSize(text);
    case "duration":
      return parseDuration(text);
    case "integer":
    case "number":
      return Number(text.replace(",", "."));
    case "choice":
      return param.choices.find((choice) => String(choice.value) === text)?.value;
    default:
      return text;
  }
}

function faultOf(param, value) {
  switch (param.type) {
    case "choice":
      return value === undefined ? "This is none of the choices." : "";
    case "string":
      return textFault(param, value);
    default:
      return numberFault(param, value);
  }
}

const EXAMPLES = {
  size: "This is no size: write it like 512 MiB or 2 GiB.",
  duration: "This is no duration: write it like 90 min or 8 h.",
};

function numberFault(param, value) {
  if (!Number.isFinite(value)) return EXAMPLES[param.type] ?? "This is no number.";
  if (param.type === "integer" && !Number.isInteger(value)) return "This has to be a whole number.";
  const { minimum, maximum } = param;
  if (isNumber(minimum) && value < minimum) return `This has to be at least ${shown(param, minimum)}.`;
  if (isNumber(maximum) && value > maximum) return `This has to be at most ${shown(param, maximum)}.`;
  return "";
}

function textFault(param, text) {
  const length = [...text].length;
  if (length < (param.min_length ?? 0)) return `This has to have at least ${param.min_length} characters.`;
  if (param.max_length && length > param.max_length)
    return `This can have ${param.max_length} characters at most; it has ${length}.`;
  const pattern = param.pattern ? compiled(param.pattern) : null;
  return pattern && !pattern.test(text) ? `This has to match ${param.pattern}.` : "";
}

// The server's patterns are of another engine; one that this one cannot read is left to the server.
function compiled(pattern) {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return null;
  }
}

function isNumber(value) {
  return typeof value === "number";
}

/** "" or what is wrong with WIDTHxHEIGHT. */
export function geometryFault(geometry) {
  const sides = GEOMETRY.test(geometry) ? geometry.split("x").map(Number) : [];
  const fine = sides.length === 2 && sides.every((side) => side >= LEAST_PIXELS && side <= MOST_PIXELS);
  return fine ? "" : `Width and height have to be ${LEAST_PIXELS} to ${MOST_PIXELS} pixels each.`;
}

/** The screen that fits a window; even numbers suit video encoders and eyes. */
export function fitting(width, height) {
  const side = (pixels) => Math.min(MOST_PIXELS, Math.max(320, Math.floor(pixels / 2) * 2));
  return `${side(width)}x${side(height)}`;
}

/** A server's fault as a sentence: {loc: ["params", "cores"], msg: "must be at most 4"}. */
export function sentence(message) {
  const text = message.trim();
  const begun = /^(must|has|is|cannot|does)\b/u.test(text)
    ? `This ${text}`
    : text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?]$/u.test(begun) ? begun : `${begun}.`;
}

/** The name under which the form knows a field: ["params", "cores"] -> "params.cores". */
export function fieldOf(loc) {
  return loc.filter((part) => part !== "body").join(".");
}

/** What a template's sessions end or rest by, as a sentence; "" if by nothing. */
export function rulesSentence(rules) {
  const parts = [
    rules?.lifetime_seconds && `ends ${durationText(rules.lifetime_seconds)} after its start`,
    rules?.idle_seconds && `ends when it is not used for ${durationText(rules.idle_seconds)}`,
    rules?.disconnect_seconds &&
      `ends when nobody is connected for ${durationText(rules.disconnect_seconds)}`,
    rules?.suspend_seconds &&
      `is suspended when nobody is connected for ${durationText(rules.suspend_seconds)}`,
  ].filter(Boolean);
  return parts.length ? `The session ${parts.join(", and ")}.` : "";
}

/** What is remembered of a start; a command that is the template's own is not. */
export function remembered({ geometryChoice, dpi, params, command }) {
  return { geometry: geometryChoice, dpi, params, command: command || null };
}

/** Remembered params that this template still takes, as inputs would give them. */
export function stillValid(params, last) {
  const kept = {};
  for (const param of params) {
    const value = last?.[param.name];
    if (value === undefined || value === null) continue;
    const { value: again, wrong } = read(param, param.type === "boolean" ? value : shown(param, value));
    if (!wrong && again !== undefined) kept[param.name] = again;
  }
  return kept;
}
