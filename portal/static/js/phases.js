// What a session is doing, and why it ended, in the words of the person whose it is. Pure.

import { percent } from "./format.js";

/**
 * @returns {{label: string, tone: string, progress: number|null|undefined}} progress: a share, null
 *   while something goes on that cannot be measured, undefined if nothing does
 */
export function phaseWords(session) {
  switch (session.phase) {
    case "pending":
      return {
        label: session.queue_position ? `Queued, place ${session.queue_position}` : "Queued",
        tone: "busy",
        progress: null,
      };
    case "starting":
      return session.progress === null || session.progress === undefined || session.progress >= 1
        ? { label: "Starting", tone: "busy", progress: null }
        : { label: `Pulling image ${percent(session.progress)}`, tone: "busy", progress: session.progress };
    case "running":
      return { label: "Running", tone: "good" };
    case "suspended":
      return { label: "Suspended", tone: "rest" };
    case "terminating":
      return { label: "Ending", tone: "warn", progress: null };
    case "ended":
      return { label: endedWell(session) ? "Ended" : "Failed", tone: endedWell(session) ? "neutral" : "bad" };
    case "unknown":
      return { label: "Not reachable", tone: "warn" };
    default:
      return { label: session.phase, tone: "neutral" };
  }
}

/** What one may want to know while there is no screen to see; "" while there is one. */
export function stageSentence(session) {
  switch (session.phase) {
    case "pending":
      return session.queue_position ? "It starts when there is room" : "It starts in a moment";
    case "starting":
      return phaseWords(session).progress === null
        ? "Its screen is here in a moment"
        : "Fetched once, then it is quick";
    case "suspended":
      return pausedForMe(session) ? "" : "Put aside as you left it";
    case "unknown":
      return "Its server does not answer";
    default:
      return "";
  }
}

/** Whether its owner has put it aside: a guest does not take it up, and waits until they do. */
export function pausedForMe(session) {
  return session.phase === "suspended" && session.access?.paused === true;
}

/** What can be done with it now. A guest may only look or steer. */
export function actionsOf(session) {
  const { phase } = session;
  const over = phase === "ended";
  const mine = session.access?.role !== "guest";
  return {
    connect: CONNECTABLE.has(phase) && !pausedForMe(session),
    share: session.access?.role === "owner" && !over && phase !== "terminating",
    rename: mine && !over,
    suspend: mine && phase === "running",
    resume: mine && phase === "suspended",
    log: mine && phase !== "pending",
    terminate: mine && !over && phase !== "terminating",
    remove: mine && over,
  };
}

const CONNECTABLE = new Set(["pending", "starting", "running", "suspended"]);

/** Whether the end was one that somebody or something intended. */
export function endedWell(session) {
  if (session.reason === "CommandExited") return (session.exit_code ?? 0) === 0;
  return session.reason === null || INTENDED.has(session.reason);
}

const INTENDED = new Set(["Terminated", "Purged", "IdleTimeout", "DisconnectTimeout", "LifetimeExceeded"]);

const REASONS = {
  CommandNotFound: "The program to run is not in this application's image.",
  Terminated: "It was ended by request.",
  Purged: "It was removed by an administrator.",
  IdleTimeout: "It was not used for a while, and was ended to free the machine.",
  DisconnectTimeout: "Nobody was connected for a while, and it was ended to free the machine.",
  LifetimeExceeded: "It reached the longest time that this application may run.",
  StartTimeout: "It took too long to start.",
  ImageNotFound: "This application's image does not exist. An administrator has to put that right.",
  ImagePullFailed: "This application's image could not be fetched. Try again in a while.",
  ImageNotAllowed: "This application's image is not allowed on this machine.",
  PerlMissing:
    "This application's image lacks a part that sessions need (Perl). An administrator has to put that right.",
  MountMissing: "A directory that it needs is not there.",
  TemplateInvalid: "This application's template is faulty. An administrator has to put that right.",
  OutOfMemory: "It needed more memory than it was given, and was stopped. Launch it with more.",
  ContainerDied: "It stopped unexpectedly.",
  ContainerGone: "It was stopped from outside.",
  AgentFailed: "It could not be started properly.",
  XServerFailed: "Its screen could not be started.",
  RelayUnreachable: "It could not reach the server any more.",
  EngineRefused: "This machine refused to start it.",
  QuotaExceeded: "You have as many sessions as you may have. End one first.",
};

/** Why it is ending or has ended, as a sentence; "" if there is nothing to say. */
export function reasonSentence(session) {
  const { reason, exit_code: code } = session;
  if (!reason) return "";
  if (reason === "CommandExited") {
    return code ? `The program ended with an error (exit code ${code}).` : "The program was closed.";
  }
  return REASONS[reason] ?? session.message ?? reason;
}
