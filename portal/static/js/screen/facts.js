// What is known on the screen page, and how it changes: pure, one event after the other.
//
//     link:  none -> opening -> open -> none | waiting -> opening ...
//     held:  why the page does not connect by itself; a person's doing releases it
//
// What a person sees of it is made in view.js.

import { pausedForMe } from "../phases.js";

/** Close codes of the display, as docs/portal-api.md has them. */
export const CLOSED = Object.freeze({
  disconnected: 4000,
  ended: 4001,
  suspended: 4002,
  revoked: 4003,
  signedOut: 4401,
});

/** Who is put out by one of these does not come back unasked. */
const HOLDING = Object.freeze([
  CLOSED.disconnected,
  CLOSED.suspended,
  CLOSED.revoked,
  CLOSED.signedOut,
]);

/** A link by these phases: the second resumes by it. */
const CONNECTABLE = Object.freeze(["running", "suspended"]);

export const AT_FIRST = Object.freeze({
  /** As the portal tells it; `null` until it has. */
  session: null,
  /** Why the session cannot be had: an error's code and sentence. */
  problem: null,
  /** Whether the portal reaches the supervisor, and what it says of it. */
  upstream: Object.freeze({ connected: true, message: "" }),
  /** Whether the portal can be reached. */
  reachable: true,
  online: true,
  /** A guest by link who has not said a name. */
  nameless: false,
  guest: false,
  link: "none",
  pictured: false,
  /** Whether an attempt has failed, or a connection broken, since there was a picture. */
  lost: false,
  retryAt: null,
  held: null,
  /** Whether the display said that its session is over, which is known before why. */
  over: false,
  /** Whether there has been a picture since the page was opened. */
  seen: false,
});

/** What is known once `event` has happened. */
export function reduce(facts, event) {
  switch (event.type) {
    case "session":
      return onSession(facts, event.session);
    case "deleted":
      return { ...facts, problem: { code: "deleted", detail: "" } };
    case "problem":
      return { ...facts, problem: event.problem };
    case "upstream":
      return onUpstream(facts, event.upstream);
    case "unreachable":
      return { ...facts, reachable: false };
    case "network":
      return { ...facts, online: event.online, ...(event.online ? soon(facts) : {}) };
    case "named":
      return { ...facts, nameless: false };
    case "opening":
      return { ...facts, link: "opening", pictured: false, retryAt: null };
    case "open":
      return { ...facts, link: "open" };
    case "pictured":
      return { ...facts, pictured: true, seen: true, lost: false };
    case "closed":
      return onClosed(facts, event);
    case "now":
      return { ...facts, ...soon(facts) };
    case "released":
      return { ...facts, held: null, problem: null, lost: false, over: false, ...soon(facts) };
    default:
      throw new TypeError(`no event: ${event.type}`);
  }
}

/** Whether the page is to connect now. */
export function wantsLink(facts, now) {
  return (
    mayLink(facts) &&
    (facts.link === "none" || (facts.link === "waiting" && now >= facts.retryAt))
  );
}

/** Whether the page is to connect sooner or later, if nothing else happens. */
export function mayLink(facts) {
  return (
    CONNECTABLE.includes(facts.session?.phase) &&
    !pausedForMe(facts.session) &&
    facts.held === null &&
    !facts.over &&
    facts.problem === null &&
    !facts.nameless &&
    facts.upstream.connected
  );
}

function onSession(facts, session) {
  const known = facts.session;
  // What is older than what is known has been overtaken: a GET's answer by an event.
  if (known && known.id === session.id && known.version > session.version) return facts;
  const resumed = known?.phase === "suspended" && session.phase === "running";
  const held = facts.held === CLOSED.suspended && resumed ? null : facts.held;
  const ready = known && known.phase !== session.phase && CONNECTABLE.includes(session.phase);
  return {
    ...facts,
    reachable: true,
    session: { ...known, ...session },
    problem: isMissing(facts.problem) ? null : facts.problem,
    held,
    ...(ready ? soon(facts) : {}),
  };
}

function onUpstream(facts, upstream) {
  const back = upstream.connected && !(facts.upstream.connected && facts.reachable);
  return { ...facts, reachable: true, upstream, ...(back ? soon(facts) : {}) };
}

function onClosed(facts, { code, retryAt }) {
  if (HOLDING.includes(code)) {
    return { ...facts, link: "none", pictured: false, lost: false, held: code, retryAt: null };
  }
  return {
    ...facts,
    over: code === CLOSED.ended,
    link: "waiting",
    pictured: false,
    lost: true,
    retryAt,
  };
}

/** What a session that is there after all puts right; a refusal it does not. */
function isMissing(problem) {
  return problem?.status === 404 || problem?.code === "deleted";
}

/** No waiting for an attempt that now has better chances. */
function soon(facts) {
  return facts.link === "waiting" ? { link: "none", retryAt: null } : {};
}
