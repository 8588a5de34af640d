// A session's screen is most of what there is to load, and comes next: it is loaded while nothing else
// is to do, so that a launch is followed by a picture and not by a hundred small files.

const MODULES = ["./screen/page.js", "./screen/connection.js"];
const SHEETS = ["../css/screen.css"];

/** To be called once; what does not come now is loaded when it is needed. */
export function loadAhead() {
  if (navigator.connection?.saveData) return;
  const whenIdle = window.requestIdleCallback ?? ((run) => setTimeout(run, 1000));
  whenIdle(() => {
    for (const module of MODULES) import(module).catch(() => null);
    for (const sheet of SHEETS) fetch(new URL(sheet, import.meta.url)).catch(() => null);
  });
}
