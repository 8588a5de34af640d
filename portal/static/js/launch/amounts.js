// Sizes and durations as people write them, and good places for a slider to stop. Pure.

const SIZE = /^(\d+(?:[.,]\d+)?)\s*([kmgtp]?)(?:i?b|bytes?)?$/iu;
const POWERS = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 };
const PART = /(\d+(?:[.,]\d+)?)\s*(days?|d|hours?|h|minutes?|min|m|seconds?|s)?/giu;
const SECONDS = { d: 86400, h: 3600, m: 60, s: 1 };
const DURATIONS = [
  60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 57600, 86400, 172800, 259200,
  432000, 604800, 1209600, 2592000,
];
const MOST_STOPS = 40;

/** "2 GiB", "512m", "1.5g" -> bytes; a bare number means `unit` ("g" where nothing is said). NaN if it is none. */
export function parseSize(text, unit = "g") {
  const match = SIZE.exec(text.trim());
  if (!match) return Number.NaN;
  const power = POWERS[(match[2] || (/b(?:ytes?)?$/iu.test(text) ? "" : unit)).toLowerCase()];
  return Math.round(Number(match[1].replace(",", ".")) * 1024 ** power);
}

/** Bytes exactly, in the largest unit that leaves few digits: "1.5 GiB", "300 MiB". */
export function sizeText(count) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let power = 0;
  while (power < units.length - 1 && count >= 1024 ** (power + 1)) power += 1;
  while (power > 0 && !Number.isInteger((count / 1024 ** power) * 8)) power -= 1;
  return `${Number((count / 1024 ** power).toFixed(3))} ${units[power]}`;
}

/** "1 h 30 min", "90m", "2d" -> seconds; a bare number means hours. NaN if it is none. */
export function parseDuration(text) {
  const rest = text.trim().replace(PART, "").trim();
  const parts = [...text.trim().matchAll(PART)];
  if (rest || parts.length === 0) return Number.NaN;
  return parts.reduce(
    (sum, [, count, unit]) => sum + Number(count.replace(",", ".")) * SECONDS[(unit ?? "h")[0].toLowerCase()],
    0,
  );
}

/** Seconds exactly: "1 h 30 min". */
export function durationText(seconds) {
  const parts = [];
  let rest = seconds;
  for (const [unit, size] of [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ]) {
    const count = unit === "s" ? Number(rest.toFixed(3)) : Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ") || "0 s";
}

/** Where a slider for this param stops, ascending; [] if it cannot have one. */
export function stopsOf({ type, minimum, maximum, default: preset }) {
  if (
    minimum === null ||
    minimum === undefined ||
    maximum === null ||
    maximum === undefined ||
    maximum <= minimum
  )
    return [];
  const between = (values) => {
    const all = [minimum, maximum, ...(typeof preset === "number" ? [preset] : []), ...values];
    return [...new Set(all)]
      .filter((value) => value >= minimum && value <= maximum)
      .sort((one, other) => one - other);
  };
  if (type === "duration") return between(DURATIONS);
  if (type === "size") return between(doublings(Math.max(minimum, 1024 ** 2), maximum));
  return between(evenly(minimum, maximum, type === "integer"));
}

// 1, 1.5, 2, 3, 4, 6, 8 ... MiB: each step is felt alike.
function doublings(from, to) {
  const stops = [];
  for (let power = 1024 ** 2; power <= to; power *= 2) stops.push(power, power * 1.5);
  return stops.filter((stop) => stop >= from);
}

function evenly(from, to, whole) {
  const steps = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000];
  const step =
    steps.find((size) => (!whole || size >= 1) && (to - from) / size <= MOST_STOPS) ??
    (to - from) / MOST_STOPS;
  const stops = [];
  for (let at = Math.ceil(from / step - 1e-9); at * step <= to + 1e-9; at += 1) {
    const stop = Number((at * step).toFixed(6));
    stops.push(whole ? Math.round(stop) : stop);
  }
  return stops;
}

/** The index of the stop nearest to a value. */
export function nearestStop(stops, value) {
  let best = 0;
  stops.forEach((stop, at) => {
    if (Math.abs(stop - value) < Math.abs(stops[best] - value)) best = at;
  });
  return best;
}
