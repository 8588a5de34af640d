// Keeps a display connected: asks for an admission each time, and tells what becomes of it.

import { delayAfter } from "./backoff.js";

// With noVNC, most of what this page loads: it comes while the session is asked for. If it does not
// come, the page is loaded again (../boot.js).
const loading = import("./connection.js").catch(() => null);

const ADMITTED_WITHIN_MS = 15_000;

/** Dispatches `connection` (`detail`: the Connection) as soon as there is one to listen to. */
export class Link extends EventTarget {
  #target;
  #source;
  #tell;
  #failures = 0;

  /** The connection there is, or was last. */
  connection = null;

  /**
   * @param {Element} target where the display is put
   * @param {{admit: (signal: AbortSignal) => Promise<object>, refresh: () => Promise<void>}} source
   * @param {(event: object) => void} tell takes events of facts.js
   */
  constructor(target, source, tell) {
    super();
    this.#target = target;
    this.#source = source;
    this.#tell = tell;
  }

  async open() {
    this.#tell({ type: "opening" });
    const module = await loading;
    if (!module) return;
    let admission;
    try {
      admission = await this.#source.admit(AbortSignal.timeout(ADMITTED_WITHIN_MS));
    } catch (problem) {
      this.#refused(problem);
      return;
    }
    performance.mark("fx:admitted");
    const connection = new module.Connection(this.#target, admission);
    this.connection = connection;
    connection.addEventListener("open", () => {
      performance.mark("fx:connected");
      this.#tell({ type: "open" });
    });
    connection.addEventListener("picture", () => {
      this.#failures = 0;
      this.#tell({ type: "pictured" });
    });
    connection.addEventListener("closed", ({ detail: code }) => this.#closed(code));
    this.dispatchEvent(new CustomEvent("connection", { detail: connection }));
  }

  #closed(code) {
    this.#tell({ type: "closed", code, retryAt: this.#retryAt() });
    // A refused WebSocket has no reason that a page may read: the session tells.
    this.#source.refresh();
  }

  #refused(problem) {
    const passes = problem.name === "TimeoutError" || problem.passes || problem.status === 409;
    this.#tell({ type: "closed", code: null, retryAt: this.#retryAt(problem.retryAfterSeconds) });
    if (problem.code === "unreachable") this.#tell({ type: "unreachable" });
    if (passes) this.#source.refresh();
    else this.#tell({ type: "problem", problem });
  }

  #retryAt(retryAfterSeconds = 0) {
    const wait = Math.max(delayAfter(this.#failures), (retryAfterSeconds ?? 0) * 1000);
    this.#failures += 1;
    return Date.now() + wait;
  }
}
