// What is done to a session from any page: each says what came of it, and asks first where it must.

import { post, remove, sessionPath } from "./api.js";
import { announce, toast, toastProblem } from "./announce.js";
import { confirmDialog } from "./dialog.js";
import { plural } from "./format.js";

/** What a session is called. */
export function nameOf(session) {
  return session.name || session.title || session.template;
}

export function suspend(session) {
  return tried(() => post(sessionPath(session.id, "suspend")), `${nameOf(session)} is not suspended.`);
}

export function resume(session) {
  return tried(() => post(sessionPath(session.id, "resume")), `${nameOf(session)} is not resumed.`);
}

export async function terminate(session) {
  const watched = (session.viewers?.control ?? 0) + (session.viewers?.view ?? 0);
  const agreed = await confirmDialog({
    title: `End “${nameOf(session)}”?`,
    text: `Its programs are closed, and what is not saved is lost.${watched > 1 ? ` ${plural(watched, "person is", "people are")} connected to it.` : ""}`,
    confirm: "End session",
    cancel: "Keep it",
  });
  if (agreed)
    await tried(() => post(sessionPath(session.id, "terminate")), `${nameOf(session)} is not ended.`);
}

export function disconnectAll(session) {
  return tried(async () => {
    await post(sessionPath(session.id, "disconnect"));
    toast("Everybody is disconnected.", { tone: "good" });
  }, "Nobody is disconnected.");
}

/** Forget an ended session. */
export async function forget(session) {
  await tried(
    async () => {
      await removed(sessionPath(session.id));
      announce(`${nameOf(session)} is removed`);
    },
    `${nameOf(session)} is not removed.`,
  );
}

/** For a session that does not end as it should: its container is forced away. */
export async function purge(session) {
  const agreed = await confirmDialog({
    title: `Force “${nameOf(session)}” away?`,
    text: `The session of ${session.user} is killed at once, and forgotten with its log.`,
    confirm: "Force away",
  });
  if (agreed) await forget(session);
}

// What is gone already is as was wished: said twice, or by somebody else.
async function removed(path) {
  try {
    await remove(path);
  } catch (problem) {
    if (problem.status !== 404) throw problem;
  }
}

async function tried(act, failed) {
  try {
    await act();
    return true;
  } catch (problem) {
    toastProblem(problem, failed);
    return false;
  }
}
