// The screen of one session: puts the parts together, and passes on what happens.

import { toast } from "../announce.js";
import { byId } from "../dom.js";
import { plain } from "../plain.js";
import { nameOf } from "../steer.js";
import { actionsOf } from "./actions.js";
import { allowed, Clipboard } from "./clipboard.js";
import { Dock } from "./dock.js";
import { AT_FIRST, mayLink, reduce, wantsLink } from "./facts.js";
import { Keyboard } from "./keyboard.js";
import { LastPicture } from "./last-picture.js";
import { LEAVE_CHORD } from "./leave-chord.js";
import { Link } from "./link.js";
import { markLaunch, markPicture } from "./marks.js";
import { Overlay } from "./overlay.js";
import { OwnSource } from "./own-source.js";
import { Pulse } from "./pulse.js";
import { SharedSource } from "./shared-source.js";
import { Sizing } from "./sizing.js";
import { Toolbar } from "./toolbar.js";
import { Typing } from "./typing.js";
import { Viewers } from "./viewers.js";
import { viewOf } from "./view.js";

const GUEST_NAME = "fx.guest.name";

class Page {
  #facts;
  #retry = 0;
  #stage = byId("stage");
  #lastPicture = new LastPicture(byId("last-picture"));

  constructor(source, facts) {
    this.#facts = { ...AT_FIRST, ...facts, guest: source.guest, online: navigator.onLine };
    this.source = source;
    this.clipboard = new Clipboard();
    this.keyboard = new Keyboard(this.#stage, this.clipboard);
    this.pulse = new Pulse();
    this.sizing = new Sizing(this.#stage);
    this.typing = new Typing(byId("typing"));
    this.viewers = new Viewers(() => (source.guest ? [] : source.viewers()));
    this.toolbar = new Toolbar({ ...this, guest: source.guest, feed: () => source.feed });
    this.dock = new Dock(byId("dock"), this.toolbar.element);
    this.toolbar.dock = this.dock;
    this.link = new Link(this.#stage, source, (event) => this.tell(event));
    this.overlay = new Overlay(byId("veil"), this.#actions());
    this.#listen();
    this.#show();
  }

  /** @param {object} event of facts.js */
  tell(event) {
    const before = this.#facts;
    this.#facts = reduce(before, event);
    if (event.type === "closed") this.#leave();
    this.#show();
    if (event.type === "pictured") this.#arrive();
    this.#connect();
  }

  get connected() {
    return this.#facts.link === "open" && this.#facts.pictured;
  }

  // ---- what is shown

  #show() {
    const { session } = this.#facts;
    const view = viewOf(this.#facts);
    document.documentElement.dataset.state = view.state;
    this.#stage.classList.toggle("seen", view.state === "connected");
    this.#stage.inert = view.state !== "connected";
    this.overlay.show(view);
    this.dock.setPresent(view.state === "connected");
    if (!session) return;
    document.title = plain(nameOf(session));
    Object.assign(this.clipboard, allowed(session.clipboard, session.access?.mode));
    this.toolbar.update(session);
    if (this.connected && !this.source.guest) this.viewers.take(session);
  }

  // ---- the connection

  #connect() {
    clearTimeout(this.#retry);
    const now = Date.now();
    if (wantsLink(this.#facts, now)) {
      this.link.open();
    } else if (mayLink(this.#facts) && this.#facts.link === "waiting") {
      this.#retry = setTimeout(() => this.#connect(), Math.max(0, this.#facts.retryAt - now));
    }
  }

  #attach(connection) {
    const { display, admission } = connection;
    this.keyboard.attach(display);
    this.typing.attach(display);
    this.clipboard.attach(display);
    this.pulse.prepare(display);
    this.sizing.attach(display, admission.mode === "control");
    this.viewers.setOwn(admission.connection);
    // By then the server has said whether it answers probes.
    connection.addEventListener("picture", () => this.pulse.attach(connection));
    this.#label(display.canvas, admission.mode);
  }

  #arrive() {
    markPicture();
    this.#lastPicture.drop();
    // Whoever opened a dialog or the toolbar meanwhile stays there.
    if (document.activeElement === document.body || byId("veil").contains(document.activeElement)) {
      this.keyboard.focus();
    }
    this.clipboard.synchronise();
  }

  #leave() {
    this.#lastPicture.keep(this.#facts.seen ? this.link.connection?.display.canvas : null);
    this.pulse.detach();
  }

  #label(canvas, mode) {
    canvas.tabIndex = 0;
    canvas.setAttribute("role", mode === "view" ? "img" : "application");
    canvas.setAttribute(
      "aria-label",
      mode === "view" ? "Screen of the session" : `Screen of the session. It takes all keys; ${LEAVE_CHORD} leaves it.`,
    );
  }

  // ---- what a person does

  #actions() {
    return actionsOf({
      session: () => this.#facts.session,
      release: () => this.tell({ type: "released" }),
      now: () => this.tell({ type: "now" }),
      name: () => localStorage.getItem(GUEST_NAME) ?? "",
      named: (name) => {
        this.source.name = name;
        localStorage.setItem(GUEST_NAME, name);
        sessionStorage.setItem(GUEST_NAME, name);
        this.tell({ type: "named" });
      },
    });
  }

  #listen() {
    this.link.addEventListener("connection", ({ detail }) => this.#attach(detail));
    for (const source of [this.keyboard, this.typing]) source.addEventListener("leave", () => this.dock.enter());
    this.dock.addEventListener("left", () => this.keyboard.focus());
    for (const type of ["online", "offline"]) {
      addEventListener(type, () => this.tell({ type: "network", online: type === "online" }));
    }
    document.addEventListener("visibilitychange", () => document.hidden || this.tell({ type: "now" }));
    addEventListener("focus", () => this.connected && this.clipboard.synchronise());
    // Of the window: while a button is down, noVNC has the pointer's events go to an element of its own.
    addEventListener("pointerup", () => this.connected && this.clipboard.synchronise(), true);
  }
}

/** Show the session that the address names. */
export function begin() {
  let page = null;
  const tell = (event) => page.tell(event);
  const shared = location.pathname === "/shared";
  const id = decodeURIComponent(location.pathname.split("/").at(-1));
  const source = shared
    ? new SharedSource(location.hash.slice(1), tell, () => page.connected)
    : new OwnSource(id, tell);
  if (shared) source.name = sessionStorage.getItem(GUEST_NAME) ?? "";
  else markLaunch(id);
  page = new Page(source, { nameless: shared && !source.name });
  addEventListener("hashchange", () => location.reload());
  source.start().catch((error) => toast(String(error), { tone: "bad" }));
}
