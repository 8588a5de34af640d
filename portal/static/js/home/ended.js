// An ended session as a row: why it ended, and what can be done about it.

import { h, setText } from "../dom.js";
import { ago, fullMoment } from "../format.js";
import { icon } from "../icons.js";
import { endedWell, reasonSentence } from "../phases.js";
import { forget, nameOf } from "../steer.js";
import { appIcon, lookOf, titleOf } from "../templates.js";

export class EndedRow {
  /** @param {{templates: () => object[], log: Function, again: Function, administrator: boolean}} tools */
  constructor(session, tools) {
    this.session = session;
    this.tools = tools;
    const look = lookOf(session, tools.templates());
    this.name = h("h3", { class: "cut" });
    this.reason = h("p", { class: "ended-reason" });
    this.when = h("p", { class: "ended-when quiet small numbers" });
    this.message = h("p", { class: "ended-message small quiet", hidden: true });
    this.buttons = h("div", { class: "row" });
    this.element = h(
      "li",
      { class: "ended-row", dataset: { session: session.id } },
      appIcon(look),
      h("div", { class: "grow" }, this.name, this.reason, this.message),
      this.when,
      this.buttons,
    );
    this.#buttons();
  }

  #buttons() {
    const name = nameOf(this.session);
    const button = (label, symbol, run) =>
      h(
        "button",
        {
          class: "button plain icon-only small",
          type: "button",
          "aria-label": `${label}: ${name}`,
          title: label,
          onclick: () => run(this.session),
        },
        icon(symbol),
      );
    this.buttons.append(
      button("Log", "log", this.tools.log),
      button("Launch again", "refresh", this.tools.again),
      button("Remove", "trash", forget),
    );
  }

  update(session) {
    this.session = session;
    const well = endedWell(session);
    setText(this.name, nameOf(session));
    setText(this.reason, reasonSentence(session));
    this.reason.className = `ended-reason ${well ? "quiet" : "failed"}`;
    // What an administrator can do about it; to a user of a session that failed it is worth a look.
    const detail = !well && session.reason !== "CommandExited" && session.message && this.tools.administrator;
    this.message.hidden = !detail;
    setText(this.message, detail ? session.message : "");
    this.tick();
  }

  tick(now = new Date()) {
    const { ended_at: ended } = this.session;
    setText(
      this.when,
      `${titleOf(this.tools.templates(), this.session.template)}, ended ${ended ? ago(ended, now) : ""}`,
    );
    if (ended) this.when.title = fullMoment(ended);
  }
}
