// One connection to a display, from its admission to its end. Another one is another Connection.

import { Display } from "./display.js";

/** From the call to the first picture; a relay that waits for a session gives up before that. */
const PICTURE_WITHIN_MS = 20_000;

/** The connection was given up from here: nothing came in time. */
export const GIVEN_UP = 4900;

/**
 * Dispatches `open`, `picture` and, once and last, `closed` (`detail`: the close code).
 * `display` is noVNC's, to be used from `open` on.
 */
export class Connection extends EventTarget {
  #deadline;
  #over = false;

  /** Bytes that came so far. */
  bytes = 0;

  /** @param {{path: string, mode: string, connection?: string}} admission */
  constructor(target, admission) {
    super();
    this.admission = admission;
    const socket = new WebSocket(urlOf(admission.path), ["binary"]);
    socket.addEventListener("close", (event) => this.#end(event.code));
    socket.addEventListener("message", (event) => {
      this.bytes += event.data.byteLength;
      this.heardAt = performance.now();
    });
    this.display = new Display(target, socket, { shared: true });
    this.display.viewOnly = admission.mode === "view";
    this.display.background = "transparent";
    this.display.addEventListener("connect", () => this.#tell("open"));
    this.display.addEventListener("picture", () => this.#picture());
    // noVNC gives up on what it cannot read; the socket's own end is told by its code, above.
    this.display.addEventListener("disconnect", () => this.#end(GIVEN_UP));
    this.#deadline = setTimeout(() => this.close(), PICTURE_WITHIN_MS);
    this.heardAt = performance.now();
  }

  /** End it from here. A dead network never answers a close, so nobody waits for that. */
  close(code = GIVEN_UP) {
    this.#end(code);
  }

  #picture() {
    clearTimeout(this.#deadline);
    if (!this.#over) this.#tell("picture");
  }

  #end(code) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadline);
    this.#tell("closed", code);
    this.display.disconnect();
  }

  #tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function urlOf(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
