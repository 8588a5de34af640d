// Which sessions the administrator's table shows, and in which order. Pure.

import { viewerCount } from "../sessions.js";

/** Columns by name: what they are sorted by. Numbers are sorted from the largest on at first. */
export const SORTS = {
  user: (session) => session.user,
  name: (session) => session.name || session.title || session.template,
  template: (session) => session.template,
  phase: (session) => PHASE_ORDER.indexOf(session.phase),
  since: (session) => -new Date(session.created_at).getTime(),
  memory: (session) => -(session.usage?.memory_bytes ?? 0),
  cpu: (session) => -(session.usage?.cpu_cores ?? 0),
  viewers: (session) => -viewerCount(session),
};

const PHASE_ORDER = ["unknown", "pending", "starting", "running", "suspended", "terminating", "ended"];

/** Groups of phases that one looks for. */
export const GROUPS = {
  all: () => true,
  living: (session) => session.phase !== "ended",
  waiting: (session) => session.phase === "pending" || session.phase === "starting",
  running: (session) => session.phase === "running",
  suspended: (session) => session.phase === "suspended",
  ended: (session) => session.phase === "ended",
};

/** @param {{group: string, words: string, sort: string, down: boolean}} view */
export function chosen(sessions, { group, words, sort, down }) {
  const wanted = words.toLowerCase().split(/\s+/u).filter(Boolean);
  const key = SORTS[sort];
  return sessions
    .filter(GROUPS[group])
    .filter((session) => wanted.every((word) => textOf(session).includes(word)))
    .sort((one, other) => (down ? -1 : 1) * compare(key(one), key(other)) || one.id.localeCompare(other.id));
}

function textOf(session) {
  return [
    session.user,
    session.name,
    session.title,
    session.template,
    session.phase,
    session.reason,
    session.node,
    session.id,
  ]
    .filter(Boolean)
    .join(" ")
    .toLowerCase();
}

function compare(one, other) {
  return typeof one === "string" ? one.localeCompare(other) : one - other;
}

/** How many there are in each group. */
export function counts(sessions) {
  return Object.fromEntries(
    Object.entries(GROUPS).map(([name, test]) => [name, sessions.filter(test).length]),
  );
}

/** What all of them use together. */
export function totals(sessions) {
  const living = sessions.filter(GROUPS.living);
  return {
    memoryBytes: living.reduce((sum, session) => sum + (session.usage?.memory_bytes ?? 0), 0),
    cores: living.reduce((sum, session) => sum + (session.usage?.cpu_cores ?? 0), 0),
    viewers: living.reduce((sum, session) => sum + viewerCount(session), 0),
    users: new Set(living.map((session) => session.user)).size,
  };
}
