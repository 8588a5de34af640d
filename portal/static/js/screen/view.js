// What a person is shown over the screen, made of what is known (facts.js). Pure.
//
// A view is {state, tone, title, text, detail?, progress?, busy, retryAt?, actions}. `state` stands in
// the root element's data-state; `connected` alone shows the screen itself. `actions` are names of
// what page.js can do, the first of them the one to take.

import { percent } from "../format.js";
import { endedWell, pausedForMe, reasonSentence } from "../phases.js";
import { CLOSED } from "./facts.js";

const WAITING = { tone: "busy", busy: true, text: "", actions: [] };
const STANDING = { tone: "neutral", busy: false, text: "", actions: [] };

export function viewOf(facts) {
  if (facts.link === "open" && facts.pictured) return { ...STANDING, state: "connected", title: "Connected" };
  // Whoever is put out for good is told so, not that there is nothing any more.
  if (facts.held === CLOSED.revoked) return held(facts);
  return asked(facts) ?? ending(facts) ?? paused(facts) ?? held(facts) ?? cutOff(facts) ?? underWay(facts);
}

function asked({ nameless, session, held, guest, problem, over }) {
  // A guest's link ends with its session, and there is nobody to ask why.
  if (guest && over) return { ...STANDING, state: "ended", title: "The session has ended", text: "It is over for everybody who was connected." };
  if (held === CLOSED.signedOut || problem?.code === "not_signed_in") {
    return {
      ...STANDING,
      state: "signed-out",
      title: "Your sign-in has ended",
      text: "The session itself goes on. Sign in again and you are back here.",
      actions: ["signIn"],
    };
  }
  if (problem) return gone(problem, guest);
  if (nameless && session) {
    return {
      ...STANDING,
      state: "naming",
      title: session.name || "A shared session",
      text: `${session.user} shares this session with you. Under which name should others see you?`,
      actions: ["name"],
    };
  }
  return null;
}

function gone(problem, guest) {
  if (guest) {
    return {
      ...STANDING,
      state: "gone",
      tone: "warn",
      title: "This link leads nowhere any more",
      text: "It has expired, was taken back, or its session is over. Ask whoever gave it to you for another.",
    };
  }
  if (problem.code === "deleted" || problem.status === 404) {
    return {
      ...STANDING,
      state: "gone",
      title: "There is no such session here",
      text: "It is over and forgotten, or it is not shared with you any more.",
      actions: ["home"],
    };
  }
  return { ...STANDING, state: "refused", tone: "bad", title: "That did not work", text: problem.detail, actions: ["reconnect", "home"] };
}

function ending({ session, guest, over }) {
  if (over && session?.phase !== "ended") return { ...WAITING, state: "terminating", title: "The session ends" };
  if (session?.phase === "terminating") {
    return { ...WAITING, tone: "warn", state: "terminating", title: "Ending the session", text: reasonSentence(session) };
  }
  if (session?.phase !== "ended") return null;
  const well = endedWell(session);
  const text = reasonSentence(session);
  // The supervisor's own sentence says what to do about a failure; of a normal end it says nothing new.
  const detail = well || guest || session.reason === "CommandExited" ? "" : session.message;
  return {
    ...STANDING,
    state: "ended",
    tone: well ? "neutral" : "bad",
    title: well ? "The session has ended" : "The session has failed",
    text,
    detail,
    actions: guest ? [] : afterEnd(session.access?.role),
  };
}

// Somebody else's session is launched again by them alone, and its log is not everybody's.
function afterEnd(role) {
  switch (role) {
    case "guest":
      return ["home"];
    case "administrator":
      return ["log", "home"];
    default:
      return ["again", "log", "home"];
  }
}

// Not to be taken up from here, whether they were put out by it or have come to it.
function paused({ session, guest }) {
  if (!session || !pausedForMe(session)) return null;
  return {
    ...STANDING,
    state: "paused",
    tone: "rest",
    title: "Paused by its owner",
    text: `${session.user} has put ${session.name || "this session"} aside. You may wait: this page goes on by itself when it is resumed.`,
    actions: guest ? [] : ["home"],
  };
}

function held({ held, session, guest }) {
  switch (held) {
    case CLOSED.disconnected:
      return {
        ...STANDING,
        state: "disconnected",
        title: "You were disconnected",
        text: "Somebody who may do so has put all viewers out. The session itself goes on.",
        actions: guest ? ["reconnect"] : ["reconnect", "home"],
      };
    case CLOSED.suspended:
      return {
        ...STANDING,
        state: "suspended",
        tone: "rest",
        title: "Suspended",
        text: `${session?.name || "The session"} is put aside just as it is, and goes on when it is resumed.`,
        actions: guest ? ["resume"] : ["resume", "home"],
      };
    case CLOSED.revoked:
      return {
        ...STANDING,
        state: "revoked",
        tone: "warn",
        title: "It is not shared with you any more",
        text: "Its owner has taken your access back.",
        actions: guest ? [] : ["home"],
      };
    default:
      return null;
  }
}

function cutOff({ online, reachable, upstream, seen, link, retryAt }) {
  if (!online) {
    return {
      ...WAITING,
      tone: "warn",
      state: "offline",
      title: "No network",
      text: "This device is offline. The session goes on, and so does this page as soon as there is a network.",
    };
  }
  if (!reachable) {
    return {
      ...WAITING,
      tone: "warn",
      state: seen ? "reconnecting" : "unreachable",
      title: seen ? "The connection is lost" : "The portal cannot be reached",
      text: "Trying again by itself. The session is not affected.",
      ...(link === "waiting" ? { retryAt, actions: ["now"] } : {}),
    };
  }
  if (!upstream.connected) {
    return {
      ...WAITING,
      tone: "warn",
      state: "unavailable",
      title: "The sessions' server is away",
      text: "Sessions keep running meanwhile. This page goes on by itself when it is back.",
    };
  }
  return null;
}

function underWay(facts) {
  const { session } = facts;
  switch (session?.phase) {
    case undefined:
      return { ...WAITING, state: "loading", title: "One moment", actions: leave(facts) };
    case "pending":
      return {
        ...WAITING,
        state: "queued",
        title: session.queue_position ? `Number ${session.queue_position} in the queue` : "Waiting for its turn",
        text: "It starts by itself. You may leave this page and come back.",
        actions: leave(facts),
      };
    case "starting":
      return { ...starting(session), actions: leave(facts) };
    case "unknown":
      return {
        ...WAITING,
        tone: "warn",
        state: "unavailable",
        title: "The container engine does not answer",
        text: "This page goes on by itself when it does.",
        actions: leave(facts),
      };
    default:
      return connecting(session, facts);
  }
}

function starting(session) {
  const { progress } = session;
  if (progress === null || progress === undefined || progress >= 1) {
    return { ...WAITING, state: "starting", title: `Starting ${session.name || "the session"}` };
  }
  return {
    ...WAITING,
    state: "pulling",
    title: `Fetching the image, ${percent(progress)}`,
    text: "Only the first start of an application takes this long.",
    progress,
  };
}

function connecting(session, facts) {
  const { lost, seen, retryAt } = facts;
  const actions = leave(facts);
  if (lost) {
    return {
      ...WAITING,
      tone: "warn",
      state: "reconnecting",
      title: seen ? "The connection is lost" : "No connection yet",
      text: "The session goes on. Trying again by itself.",
      retryAt,
      actions: ["now"],
    };
  }
  if (session.phase === "suspended") return { ...WAITING, state: "resuming", title: `Resuming ${session.name}`, actions };
  return { ...WAITING, state: "connecting", title: `Connecting to ${session.name || "the session"}`, actions };
}

function leave({ guest }) {
  return guest ? [] : ["home"];
}
