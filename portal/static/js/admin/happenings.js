// What happens, as it comes: newest first, and only so many.

import { byId, fill, h } from "../dom.js";
import { fullMoment } from "../format.js";
import { endedWell, reasonSentence } from "../phases.js";
import { changeWords } from "../sessions.js";
import { nameOf } from "../steer.js";

const MOST = 200;

const WORDS = {
  created: ["was requested", "busy"],
  pending: ["waits", "busy"],
  starting: ["is starting", "busy"],
  running: ["is running", "good"],
  suspended: ["is suspended", "rest"],
  terminating: ["is ending", "warn"],
  ended: ["has ended", "neutral"],
  unknown: ["cannot be reached", "warn"],
  warned: ["ends soon", "warn"],
  renamed: ["has another name", "neutral"],
  joined: ["has another viewer", "neutral"],
  left: ["has a viewer less", "neutral"],
};

/** A session has changed; what is not worth a line gets none. */
export function tellChange(before, session) {
  const change = changeWords(before, session);
  if (change === null) return;
  const [words, tone] = WORDS[change] ?? [change, "neutral"];
  const bad = change === "ended" && !endedWell(session);
  const reason = change === "ended" || change === "terminating" ? reasonSentence(session) : "";
  addLine(
    bad ? "bad" : tone,
    [
      h("strong", {}, session.user),
      " ",
      h("a", { href: `/sessions/${session.id}` }, nameOf(session)),
      ` ${words}`,
    ],
    reason,
  );
}

export function tellRemoved(session) {
  if (session) addLine("neutral", [h("strong", {}, session.user), ` ${nameOf(session)} was removed`], "");
}

/** Something about the node itself. */
export function tellNode(text, tone) {
  addLine(tone, [text], "");
}

function addLine(tone, what, more) {
  const list = byId("happenings");
  const now = new Date();
  const time = now.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  list.prepend(
    h(
      "li",
      { class: `happening tone-${tone}` },
      h("time", { class: "numbers", datetime: now.toISOString(), title: fullMoment(now) }, time),
      h("div", {}, h("p", {}, what), more ? h("p", { class: "quiet small" }, more) : null),
    ),
  );
  while (list.childElementCount > MOST) list.lastElementChild.remove();
  byId("happenings-none").hidden = true;
}

/** Begin anew. */
export function clearHappenings() {
  fill(byId("happenings"));
  byId("happenings-none").hidden = false;
}
