// Amounts and times in words. Pure: the time that it is comes in.

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** 1536 -> "1.5 KiB". Powers of 1024, three digits that matter. */
export function bytes(count) {
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${trimmed(value, unit === 0 || value >= 100 ? 0 : 1)} ${UNITS[unit]}`;
}

/** 1.25 -> "1.25 cores"; next to nothing is "idle". */
export function cores(count) {
  if (count < 0.005) return "idle";
  const shown = trimmed(count, count < 10 ? 2 : 1);
  return `${shown} ${shown === "1" ? "core" : "cores"}`;
}

/** 5400 -> "1 h 30 min"; the two largest units that matter. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor((whole % 86400) / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** "just now", "5 min ago", "3 h ago", "2 days ago". Times are RFC 3339 or Dates. */
export function ago(time, now = new Date()) {
  const seconds = secondsBetween(time, now);
  return seconds < 10 ? "just now" : `${roughly(seconds)} ago`;
}

/** "in 5 min", or "now" if it is over. */
export function until(time, now = new Date()) {
  const seconds = -secondsBetween(time, now);
  return seconds < 1 ? "now" : `in ${roughly(rounded(seconds))}`;
}

// 23 h 59 min are a day to come: what was just chosen is to be read as it was chosen.
function rounded(seconds) {
  const unit = [86400, 3600, 60].find((size) => seconds > size * 0.98) ?? 1;
  return Math.round(seconds / unit) * unit;
}

/** How long it has been: "5 min". */
export function since(time, now = new Date()) {
  return roughly(Math.max(0, secondsBetween(time, now)));
}

/** One unit only: what changes every second is not read. */
export function roughly(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return plural(Math.floor(seconds / 86400), "day");
}

/** A point in time as people here write it: time alone today, with the day otherwise. */
export function moment(time, now = new Date(), locale = undefined) {
  const date = new Date(time);
  const clock = date.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === now.toDateString()) return clock;
  const day = date.toLocaleDateString(locale, {
    day: "numeric",
    month: "short",
    ...(date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" }),
  });
  return `${day}, ${clock}`;
}

/** The whole of it, for a tooltip. */
export function fullMoment(time, locale = undefined) {
  return new Date(time).toLocaleString(locale, { dateStyle: "full", timeStyle: "medium" });
}

/** plural(1, "viewer") -> "1 viewer"; plural(2, "viewer") -> "2 viewers". */
export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** 0.404 -> "40 %". */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** The first letters of a name, for where a picture would be. */
export function initials(name) {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...word][0].toUpperCase()).join("") || "?";
}

function trimmed(value, digits) {
  return String(Number(value.toFixed(digits)));
}

function secondsBetween(time, now) {
  return (now.getTime() - new Date(time).getTime()) / 1000;
}
