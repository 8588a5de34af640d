// What a launch took, as the browser's own timeline has it (performance.getEntriesByName):
//
//     fx:launch -> fx:admitted -> fx:connected -> fx:first-picture
//
// The launch was pressed on another page, which this one's clock begins after: the mark stands at 0,
// and its detail says how many milliseconds before that it was.

const BEGUN = "fx:launched:";

/** To be called where a launch is pressed, once the session has an id. */
export function markPressed(id, at) {
  sessionStorage.setItem(BEGUN + id, at);
}

/** To be called once, as the page begins. */
export function markLaunch(id) {
  const at = Number(sessionStorage.getItem(BEGUN + id));
  if (!at) return;
  sessionStorage.removeItem(BEGUN + id);
  const leadMs = Math.max(0, performance.timeOrigin - at);
  performance.mark("fx:launch", { startTime: 0, detail: { lead_ms: leadMs } });
}

/** To be called with the first picture; how long it took since the launch is in the mark's detail. */
export function markPicture() {
  if (performance.getEntriesByName("fx:first-picture").length) return;
  const [launch] = performance.getEntriesByName("fx:launch");
  const detail = launch ? { since_launch_ms: performance.now() + launch.detail.lead_ms } : null;
  performance.mark("fx:first-picture", { detail });
  performance.measure("fx:connect", "fx:admitted", "fx:first-picture");
}
