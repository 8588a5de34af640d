// All sessions as a table: sorted by what its head says, narrowed by phase and words.

import { byId, h, keyed, set, setText } from "../dom.js";
import { bytes, fullMoment, since } from "../format.js";
import { icon } from "../icons.js";
import { openLog } from "../log/dialog.js";
import { attachMenu } from "../menu.js";
import { actionsOf, phaseWords, reasonSentence } from "../phases.js";
import { viewerCount } from "../sessions.js";
import { openShare } from "../share/dialog.js";
import { disconnectAll, forget, nameOf, purge, resume, suspend, terminate } from "../steer.js";
import { titleOf } from "../templates.js";
import { chosen, counts } from "./rows.js";

const COLUMNS = [
  ["user", "User"],
  ["name", "Session"],
  ["template", "Template"],
  ["phase", "Phase"],
  ["since", "Since"],
  ["memory", "Memory"],
  ["cpu", "CPU"],
  ["viewers", "Viewers"],
];
const GROUP_LABELS = {
  living: "Living",
  running: "Running",
  waiting: "Starting",
  suspended: "Suspended",
  ended: "Ended",
  all: "All",
};
const MOST_ROWS = 300;

export class SessionTable {
  #views = new Map();
  #view = { group: "living", words: "", sort: "since", down: false };
  #sessions = [];

  /** @param {{templates: () => object[], who: object, feed: Feed}} tools */
  constructor(tools) {
    this.tools = tools;
    this.body = byId("table-body");
    this.#head();
    this.#groups();
    byId("table-search").addEventListener("input", ({ target }) => this.#change({ words: target.value }));
  }

  #head() {
    this.heads = new Map(
      COLUMNS.map(([name, label]) => {
        const button = h(
          "button",
          { class: "sort", type: "button", onclick: () => this.#sortBy(name) },
          label,
          icon("chevron", { size: 13 }),
        );
        return [name, h("th", { scope: "col", class: `column-${name}` }, button)];
      }),
    );
    byId("table-head").append(
      ...this.heads.values(),
      h("th", { scope: "col" }, h("span", { class: "only-heard" }, "Actions")),
    );
  }

  #groups() {
    this.groups = new Map(
      Object.entries(GROUP_LABELS).map(([group, label]) => {
        const count = h("span", { class: "count" });
        const input = h("input", {
          type: "radio",
          name: "group",
          value: group,
          checked: group === this.#view.group,
          onchange: () => this.#change({ group }),
        });
        return [group, { count, element: h("label", {}, input, h("span", {}, label, count)) }];
      }),
    );
    byId("table-groups").append(...[...this.groups.values()].map(({ element }) => element));
  }

  #sortBy(sort) {
    this.#change({ sort, down: this.#view.sort === sort ? !this.#view.down : false });
  }

  #change(part) {
    this.#view = { ...this.#view, ...part };
    this.show(this.#sessions);
  }

  show(sessions) {
    this.#sessions = sessions;
    const rows = chosen(sessions, this.#view);
    keyed(
      this.body,
      rows.slice(0, MOST_ROWS),
      (session) => session.id,
      (session) => new Row(session, this.tools),
      this.#views,
    );
    for (const [name, th] of this.heads) {
      set(th, {
        "aria-sort": name === this.#view.sort ? (this.#view.down ? "descending" : "ascending") : null,
      });
    }
    const numbers = counts(sessions);
    for (const [group, { count }] of this.groups) setText(count, String(numbers[group]));
    const none = byId("table-none");
    none.hidden = rows.length > 0 && rows.length <= MOST_ROWS;
    setText(
      none,
      rows.length
        ? `The first ${MOST_ROWS} of ${rows.length}: narrow it by words or phase.`
        : sessions.length
          ? "No session is like this."
          : "There are no sessions.",
    );
  }

  tick(now) {
    for (const view of this.#views.values()) view.tick(now);
  }
}

class Row {
  constructor(session, tools) {
    this.session = session;
    this.tools = tools;
    this.user = h("td", { class: "cut" });
    this.link = h("a", { href: `/sessions/${session.id}`, class: "cut" });
    this.template = h("td", { class: "cut quiet" });
    this.chip = h("span", { class: "chip" });
    this.since = h("td", { class: "numbers quiet" });
    this.memory = h("td", { class: "numbers" });
    this.cpu = h("td", { class: "numbers" });
    this.viewers = h("td", { class: "numbers" });
    this.more = h("button", { class: "button plain icon-only small", type: "button" }, icon("more"));
    attachMenu(this.more, () => this.#items(), "What can be done");
    this.element = h(
      "tr",
      { dataset: { session: session.id } },
      this.user,
      h("th", { scope: "row", class: "cut" }, this.link),
      this.template,
      h("td", {}, this.chip),
      this.since,
      this.memory,
      this.cpu,
      this.viewers,
      h("td", { class: "row-actions" }, this.more),
    );
    // On a phone the cells stand below each other, each with its name.
    COLUMNS.forEach(([, label], at) => this.element.children[at].setAttribute("data-label", label));
  }

  #items() {
    const { session, tools } = this;
    const can = actionsOf(session);
    return [
      can.connect && { label: "Connect", icon: "screen", href: `/sessions/${session.id}` },
      can.log && { label: "Log", icon: "log", run: () => openLog(session) },
      !can.remove && {
        label: "Shares and viewers",
        icon: "people",
        run: () => openShare(session, tools.who, tools.feed),
      },
      can.suspend && { label: "Suspend", icon: "pause", run: () => suspend(session) },
      can.resume && { label: "Resume", icon: "play", run: () => resume(session) },
      viewerCount(session) > 0 && {
        label: "Disconnect everybody",
        icon: "eye",
        run: () => disconnectAll(session),
      },
      "line",
      can.terminate && { label: "End session", icon: "end", danger: true, run: () => terminate(session) },
      can.remove
        ? { label: "Remove", icon: "trash", run: () => forget(session) }
        : { label: "Force away", icon: "trash", danger: true, run: () => purge(session) },
    ].filter(Boolean);
  }

  update(session) {
    this.session = session;
    const words = phaseWords(session);
    setText(this.user, session.user);
    setText(this.link, nameOf(session));
    this.link.title = nameOf(session);
    setText(this.template, titleOf(this.tools.templates(), session.template));
    setText(this.chip, words.label);
    this.chip.className = `chip tone-${words.tone}`;
    this.chip.title = [reasonSentence(session), session.message].filter(Boolean).join(" ");
    const live = session.phase !== "ended";
    setText(this.memory, live && session.usage?.memory_bytes ? bytes(session.usage.memory_bytes) : "–");
    setText(
      this.cpu,
      live && session.usage?.cpu_cores !== undefined ? session.usage.cpu_cores.toFixed(2) : "–",
    );
    setText(this.viewers, live && viewerCount(session) ? String(viewerCount(session)) : "–");
    set(this.more, { "aria-label": `What can be done with ${nameOf(session)} of ${session.user}` });
    this.tick();
  }

  tick(now = new Date()) {
    setText(this.since, since(this.session.created_at, now));
    this.since.title = fullMoment(this.session.created_at);
  }
}
