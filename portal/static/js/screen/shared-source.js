// The session as it is told to whoever holds a link. There are no events for them: while there is no
// picture, the portal is asked every few seconds, and not while nobody looks.

import { post } from "../api.js";

const ASKED_EVERY_MS = 2_500;

export class SharedSource {
  #token;
  #tell;
  #connected;
  #timer = 0;

  guest = true;

  /** What the guest wants to be called. */
  name = "";

  /**
   * @param {(event: object) => void} tell takes events of facts.js
   * @param {() => boolean} connected whether there is a picture
   */
  constructor(token, tell, connected) {
    this.#token = token;
    this.#tell = tell;
    this.#connected = connected;
  }

  start() {
    this.#timer = setInterval(() => {
      if (!document.hidden && !this.#connected()) this.refresh();
    }, ASKED_EVERY_MS);
    return this.refresh();
  }

  /** Admission of one viewer. Raises Problem. */
  admit(signal) {
    const body = { token: this.#token, guest: this.name };
    return post("/api/shared/connect", body, { anonymous: true, signal });
  }

  /** Ask anew what the session is. Tells what comes of it, and raises nothing. */
  async refresh() {
    try {
      const { session, mode, paused } = await post("/api/shared", { token: this.#token }, { anonymous: true });
      this.#tell({ type: "upstream", upstream: { connected: true, message: "" } });
      this.#tell({ type: "session", session: { ...session, access: { role: "guest", mode, paused } } });
    } catch (problem) {
      this.#fail(problem);
    }
  }

  #fail(problem) {
    if (problem.code === "unreachable") {
      this.#tell({ type: "unreachable" });
    } else if (problem.passes) {
      this.#tell({ type: "upstream", upstream: { connected: false, message: problem.detail } });
    } else {
      clearInterval(this.#timer); // a link that leads nowhere does so for good
      this.#tell({ type: "problem", problem });
    }
  }
}
