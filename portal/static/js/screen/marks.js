// What a launch took, as the browser's own timeline has it (performance.getEntriesByName):
//
//     fx:launch -> fx:admitted -> fx:connected -> fx:first-picture
//
// The launch was pressed on another page, which this one's clock begins after: the mark stands at 0,
// and its detail says how many milliseconds before that it was.

const BEGUN = "fx:launched:";

/** To be called once, as the page begins. */
export function markLaunch(id) {
  const at = Number(sessionStorage.getItem(BEGUN + id));
  if (!at) return;
  sessionStorage.removeItem(BEGUN + id);
  const leadMs = Math.max(0, performance.timeOrigin - at);
  performance.mark("fx:launch", { startTime: 0, detail: { lead_ms: leadMs } });
}

/** To be called with the first picture. */
export function markPicture() {
  if (performance.getEntriesByName("fx:first-picture").length) return;
  performance.mark("fx:first-picture");
  performance.measure("fx:connect", "fx:admitted", "fx:first-picture");
  if (performance.getEntriesByName("fx:launch", "mark").length) {
    performance.measure("fx:launch-to-picture", "fx:launch", "fx:first-picture");
  }
}
