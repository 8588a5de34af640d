// The last picture stays, dimmed, while there is no connection: nothing flashes, and one sees what it
// was about.

export class LastPicture {
  #canvas;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Keep what is on the screen now; it is about to be taken away. */
  keep(canvas) {
    if (!canvas?.isConnected || !canvas.width || !canvas.height) return;
    this.#canvas.width = canvas.width;
    this.#canvas.height = canvas.height;
    this.#canvas.getContext("2d").drawImage(canvas, 0, 0);
    const at = canvas.getBoundingClientRect();
    for (const [property, value] of Object.entries({ left: at.left, top: at.top, width: at.width, height: at.height })) {
      this.#canvas.style.setProperty(property, `${value}px`);
    }
    this.#canvas.hidden = false;
  }

  /** There is a better one. */
  drop() {
    this.#canvas.hidden = true;
    this.#canvas.width = 0;
  }
}
