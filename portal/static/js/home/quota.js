// How many sessions one may have, and has: shown only where there is a limit.

import { byId, fill, h } from "../dom.js";
import { plural } from "../format.js";

const DOTS = 8;

/** @param {{limits: {sessions: number|null}}|null} quota */
export function showQuota(place, quota, running) {
  const most = quota?.limits?.sessions ?? null;
  place.hidden = most === null;
  byId("living-count").hidden = most !== null;
  if (most === null || place.dataset.shown === `${running}/${most}`) return;
  place.dataset.shown = `${running}/${most}`;
  const full = running >= most;
  place.classList.toggle("full", full);
  fill(
    place,
    most <= DOTS
      ? h(
          "span",
          { class: "quota-dots", "aria-hidden": "true" },
          Array.from({ length: most }, (_, at) => h("span", { class: at < running ? "used" : "" })),
        )
      : null,
    full ? `All ${plural(most, "session")} in use` : `${running} of ${plural(most, "session")}`,
  );
}
