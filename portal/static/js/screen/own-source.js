// The session as the portal tells whoever is signed in: by a call at first, then by events.

import { get, post, sessionPath } from "../api.js";
import { Feed } from "../events.js";
import { delayAfter } from "./backoff.js";

export class OwnSource {
  #id;
  #tell;
  #seen = false;
  #mode = "control";
  #refreshing = null;

  guest = false;
  /** The events there are, once the first answer has told how to listen. */
  feed = null;

  /** @param {(event: object) => void} tell takes events of facts.js */
  constructor(id, tell) {
    this.#id = id;
    this.#tell = tell;
  }

  async start() {
    const session = await this.#first();
    if (!session) return;
    // An administrator sees this session among all of them, not among their own.
    const feed = new Feed(session.access?.role === "administrator" ? "all" : "mine");
    feed.addEventListener("reset", () => (this.#seen = false));
    feed.addEventListener("update", ({ detail }) => detail.id === this.#id && this.#take(detail));
    feed.addEventListener("delete", ({ detail }) => detail.id === this.#id && this.refresh());
    feed.addEventListener("synced", () => this.#seen || this.refresh());
    feed.addEventListener("upstream", ({ detail }) => this.#tell({ type: "upstream", upstream: detail }));
    feed.addEventListener("state", ({ detail }) => detail === "lost" && this.refresh());
    this.feed = feed;
    feed.start();
  }

  /** Admission of one viewer. Raises Problem. */
  admit(signal) {
    return post(sessionPath(this.#id, "connect"), { mode: this.#mode }, { signal });
  }

  /** Ask anew what the session is. Tells what comes of it, and raises nothing. */
  refresh() {
    this.#refreshing ??= this.#ask().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** Who is connected. Raises Problem. */
  async viewers() {
    return (await get(sessionPath(this.#id, "viewers"))).viewers;
  }

  /** The first answer decides how to listen, so it is asked for until there is one. */
  async #first() {
    for (let failures = 0; ; failures += 1) {
      const answer = await this.#ask();
      if (answer !== "passes") return answer;
      await new Promise((resolve) => setTimeout(resolve, delayAfter(failures)));
    }
  }

  async #ask() {
    try {
      return this.#take(await get(sessionPath(this.#id)));
    } catch (problem) {
      return this.#fail(problem);
    }
  }

  #take(session) {
    this.#seen = true;
    this.#mode = session.access?.mode ?? "control";
    this.#tell({ type: "session", session });
    return session;
  }

  #fail(problem) {
    if (problem.code === "unreachable") {
      this.#tell({ type: "unreachable" });
    } else if (problem.passes) {
      this.#tell({ type: "upstream", upstream: { connected: false, message: problem.detail } });
    } else {
      this.#tell({ type: "problem", problem });
      return null;
    }
    return "passes";
  }
}
