// noVNC's RFB (pinned in portal/package.json), with what it keeps to itself: round trips through the
// whole display path, the moment of the first picture, a screen that is resized once a window rests.

import RFB from "../../vendor/novnc/core/rfb.js";
import { keysymOf, press } from "./keysyms.js";
import { wantedSize } from "./wanted-size.js";

const RESTED_MS = 150;

// RFB's fences (rfbproto.rst): whoever gets a request sends the same back once it has done all before.
const REQUEST = 1 << 31;
const BLOCK_BEFORE = 1 << 0;
const HEAD_BYTES = 8;
const MARK = "fx";

/**
 * Dispatches, beside RFB's own events: `picture` when there is something to see for the first time,
 * and `fence` (`detail`: the number) when a probe has come back.
 */
export class Display extends RFB {
  #resting = 0;
  #painted = false;
  #shown = false;
  #asking = false;

  /** Whether the server answers probes; it says so soon after `connect`. */
  get answersProbes() {
    return this._supportsFence;
  }

  /** Pass a number through everything between here and the X server. */
  probe(number) {
    RFB.messages.clientFence(this._sock, REQUEST | BLOCK_BEFORE, `${MARK}${number}`);
  }

  /** Type a character that no key event told of. */
  type(character) {
    press((keysym, code, down) => this.sendKey(keysym, code, down), [[keysymOf(character), ""]]);
  }

  /** Let go of all keys that are down, as when the window loses the focus. */
  releaseKeys() {
    this._keyboard._allKeysUp();
  }

  /** What one sees, for when it is gone. */
  get canvas() {
    return this._canvas;
  }

  /** How large the remote screen is, in its own pixels. */
  get size() {
    return { width: this._fbWidth, height: this._fbHeight };
  }

  // noVNC takes a response for a fault, as it asks for none.
  _handleServerFenceMsg() {
    if (this._sock.rQwait("fence", HEAD_BYTES, 1)) return false;
    const head = this._sock.rQpeekBytes(HEAD_BYTES);
    const isRequest = (head[3] & 0x80) !== 0;
    if (isRequest) return super._handleServerFenceMsg();
    const length = head[HEAD_BYTES - 1];
    if (this._sock.rQwait("fence", HEAD_BYTES + length, 1)) return false;
    this._sock.rQskipBytes(HEAD_BYTES);
    const payload = this._sock.rQshiftStr(length);
    if (payload.startsWith(MARK)) {
      const detail = Number(payload.slice(MARK.length));
      this.dispatchEvent(new CustomEvent("fence", { detail }));
    }
    return true;
  }

  _handleDataRect() {
    const whole = super._handleDataRect();
    this.#painted ||= whole;
    return whole;
  }

  // An update may be of a cursor or a size alone, and pictures are decoded while others come.
  _framebufferUpdate() {
    const whole = super._framebufferUpdate();
    if (whole && this.#painted && !this.#shown) {
      this.#shown = true;
      this.#tellPicture();
    }
    return whole;
  }

  async #tellPicture() {
    await this._display.flush();
    this.dispatchEvent(new CustomEvent("picture"));
  }

  _requestRemoteResize() {
    clearTimeout(this.#resting);
    if (this.#shown) this.#resting = setTimeout(() => this.#resize(), RESTED_MS);
    else this.#resize();
  }

  #resize() {
    if (this._rfbConnectionState === "disconnecting" || this._rfbConnectionState === "disconnected") return;
    this.#asking = true;
    super._requestRemoteResize();
    this.#asking = false;
  }

  // The size that is asked for; the picture is scaled to the one that there is.
  _screenSize() {
    const { w, h } = super._screenSize();
    return this.#asking ? wantedSize(w, h) : { w, h };
  }

  _disconnect() {
    clearTimeout(this.#resting);
    super._disconnect();
  }
}
