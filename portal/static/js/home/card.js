// A living session as a card: its screen, what it is doing, what can be done with it.

import { h, set, setText } from "../dom.js";
import { bytes, cores, duration, fullMoment, plural, roughly, since } from "../format.js";
import { icon } from "../icons.js";
import { attachMenu } from "../menu.js";
import { actionsOf, pausedForMe, phaseWords, reasonSentence, stageSentence } from "../phases.js";
import { viewerCount } from "../sessions.js";
import { nameOf, resume, suspend, terminate } from "../steer.js";
import { appIcon, lookOf, titleOf } from "../templates.js";
import { renameInPlace } from "./rename.js";
import { LAST, LIVE, NOTHING } from "./thumbnails.js";

const YOUNG_MS = 15000;
// While a screen cannot be asked, the portal has its last picture.
const PICTURED = Object.freeze({ running: LIVE, suspended: LAST, unknown: LAST });

/** @param {{templates: () => object[], thumbnails: Thumbnails, share: Function, log: Function}} tools */
export class Card {
  constructor(session, tools) {
    this.session = session;
    this.tools = tools;
    this.#build();
    tools.thumbnails.watch(session.id, this.screen, (url) => this.#picture(url));
  }

  #build() {
    const look = lookOf(this.session, this.tools.templates());
    this.symbols = [appIcon(look, "large"), appIcon(look)];
    this.dressed = look.title !== undefined;
    this.image = h("img", { class: "card-picture", alt: "", hidden: true });
    this.stage = h("span", { class: "stage" });
    this.bar = h("span", {});
    this.progress = h("span", { class: "progress", hidden: true }, this.bar);
    this.chip = h("span", { class: "chip" });
    this.watchers = h("span", { class: "watchers", hidden: true });
    this.go = h("span", { class: "go", "aria-hidden": "true" });
    this.screen = h(
      "a",
      { class: "card-screen", tabindex: "-1", "aria-hidden": "true", href: `/sessions/${this.session.id}` },
      h("span", { class: "placeholder" }, this.symbols[0], this.stage),
      this.image,
      this.progress,
      this.go,
    );
    this.link = h("a", { href: `/sessions/${this.session.id}` });
    this.heading = h(this.tools.level, { class: "card-name cut" }, this.link);
    this.subtitle = h("p", { class: "card-subtitle cut" });
    this.figures = h("p", { class: "card-figures numbers" });
    this.note = h("p", { class: "card-note", hidden: true });
    this.element = h(
      "li",
      { class: "card panel", dataset: { session: this.session.id } },
      this.screen,
      h("div", { class: "card-top" }, this.chip, this.watchers),
      h(
        "div",
        { class: "card-body" },
        h(
          "div",
          { class: "card-title" },
          this.symbols[1],
          h("div", { class: "grow" }, this.heading, this.subtitle),
        ),
        this.note,
        h("div", { class: "card-foot" }, this.figures, this.#buttons()),
      ),
    );
  }

  #buttons() {
    this.share = h(
      "button",
      {
        class: "button plain icon-only small",
        type: "button",
        onclick: () => this.tools.share(this.session),
      },
      icon("share"),
    );
    this.hold = h("button", {
      class: "button plain icon-only small",
      type: "button",
      onclick: () => this.#toggle(),
    });
    this.more = h("button", { class: "button plain icon-only small", type: "button" }, icon("more"));
    attachMenu(this.more, () => this.#items(), "More for this session");
    return h("div", { class: "card-buttons" }, this.share, this.hold, h("div", {}, this.more));
  }

  #toggle() {
    return this.session.phase === "suspended" ? resume(this.session) : suspend(this.session);
  }

  #items() {
    const can = actionsOf(this.session);
    const { session, tools } = this;
    const again = { label: "Launch another one like it", icon: "plus", run: () => tools.again(session) };
    return [
      can.rename && {
        label: "Rename",
        icon: "pencil",
        run: () => renameInPlace(session, this.heading, this.more),
      },
      this.#shares(can) && { label: "Share", icon: "share", run: () => tools.share(session) },
      can.log && { label: "Log", icon: "log", run: () => tools.log(session) },
      session.access?.role === "owner" && again,
      can.terminate && "line",
      can.terminate && { label: "End session", icon: "end", danger: true, run: () => terminate(session) },
    ].filter(Boolean);
  }

  // What can be launched may be known only after the sessions are.
  #dress() {
    const look = lookOf(this.session, this.tools.templates());
    if (this.dressed || look.title === undefined) return;
    this.dressed = true;
    this.symbols[0].replaceWith(appIcon(look, "large"));
    this.symbols[1].replaceWith(appIcon(look));
  }

  update(session) {
    this.session = session;
    this.#dress();
    const words = phaseWords(session);
    const can = actionsOf(session);
    const name = nameOf(session);
    set(this.element, { "data-phase": session.phase });
    setText(this.link, name);
    set(this.heading, {
      title: session.title && session.title !== name ? `${name}: ${session.title}` : name,
    });
    setText(this.chip, words.label);
    this.chip.className = `chip tone-${words.tone}`;
    this.#stage(words);
    this.#watchers(session);
    this.#named(session, can, name);
    setText(
      this.go,
      session.phase === "suspended" ? "Resume" : session.access?.mode === "view" ? "Watch" : "Connect",
    );
    this.go.hidden = !can.connect;
    const age = session.ready_at ? Date.now() - new Date(session.ready_at) : Infinity;
    this.tools.thumbnails.want(this.screen, PICTURED[session.phase] ?? NOTHING, { young: age < YOUNG_MS });
    this.tick();
  }

  #shares(can) {
    return can.share && this.tools.mayShare;
  }

  #stage(words) {
    setText(this.stage, stageSentence(this.session));
    this.progress.hidden = words.progress === undefined;
    this.progress.className = `progress ${words.progress === null ? "unknown" : ""}`;
    this.bar.style.width = typeof words.progress === "number" ? `${Math.max(3, words.progress * 100)}%` : "";
  }

  #watchers(session) {
    const count = viewerCount(session);
    this.watchers.hidden = count === 0;
    if (this.watchers.dataset.count === String(count)) return;
    this.watchers.dataset.count = count;
    this.watchers.replaceChildren(
      icon("eye", { size: 14 }),
      String(count),
      h("span", { class: "only-heard" }, " connected"),
    );
    this.watchers.title = `${plural(count, "viewer")} connected`;
  }

  #named(session, can, name) {
    this.share.hidden = !this.#shares(can);
    set(this.share, { "aria-label": `Share ${name}`, title: "Share" });
    const suspended = session.phase === "suspended";
    this.hold.hidden = !(can.suspend || can.resume);
    if (this.hold.dataset.suspended !== String(suspended)) {
      this.hold.dataset.suspended = suspended;
      this.hold.replaceChildren(icon(suspended ? "play" : "pause"));
    }
    set(this.hold, {
      "aria-label": `${suspended ? "Resume" : "Suspend"} ${name}`,
      title: suspended ? "Resume" : "Suspend",
    });
    this.more.parentElement.hidden = this.#items().length === 0;
    set(this.more, { "aria-label": `More for ${name}`, title: "More" });
  }

  /** What depends on the time alone. */
  tick(now = new Date()) {
    const { session } = this;
    const begun = session.started_at ?? session.created_at;
    const owner = session.access?.role === "guest" ? `${session.user} · ` : "";
    setText(
      this.subtitle,
      `${owner}${titleOf(this.tools.templates(), session.template)} · ${since(begun, now)}`,
    );
    this.subtitle.title = `Since ${fullMoment(begun)}`;
    const { usage } = session;
    const used = session.phase === "running" || session.phase === "suspended";
    setText(
      this.figures,
      used && usage?.memory_bytes
        ? [bytes(usage.memory_bytes), usage.cpu_cores === undefined ? null : cores(usage.cpu_cores)]
            .filter(Boolean)
            .join(" · ")
        : "",
    );
    this.#remark(now);
  }

  #remark(now) {
    const { session } = this;
    const left = session.expires_at ? (new Date(session.expires_at) - now) / 1000 : Infinity;
    let text = "";
    if (session.phase === "terminating") text = reasonSentence(session);
    else if (pausedForMe(session)) text = `Paused by ${session.user}. It opens when they resume it.`;
    else if (session.phase === "unknown") text = "The server it runs on cannot be asked at the moment.";
    else if (session.warning === "LifetimeEnding")
      text = `Ends ${left > 0 ? `in ${duration(left < 3600 ? Math.ceil(left / 60) * 60 : left)}` : "now"}, save your work.`;
    else if (left < 3600) text = `Ends in ${roughly(Math.max(left, 0))}.`;
    this.note.hidden = !text;
    setText(this.note, text);
  }

  #picture(url) {
    this.image.src = url;
    this.image.hidden = false;
  }

  close() {
    this.tools.thumbnails.forget(this.screen);
  }
}
