// A toolbar is one stop of Tab; within it, arrows go from button to button.

const STOPS = "a[href]:not([hidden]), button:not([hidden], [disabled])";

export function moveByArrows(toolbar) {
  const stops = () => [...toolbar.querySelectorAll(STOPS)].filter((stop) => !stop.closest("[popover]"));
  const makeStop = (stop) => {
    for (const each of stops()) each.tabIndex = each === stop ? 0 : -1;
  };
  makeStop(stops()[0]);
  toolbar.addEventListener("focusin", (event) => {
    if (stops().includes(event.target)) makeStop(event.target);
  });
  toolbar.addEventListener("keydown", (event) => {
    const all = stops();
    const at = all.indexOf(document.activeElement);
    if (at < 0) return;
    const to = {
      ArrowRight: (at + 1) % all.length,
      ArrowLeft: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all[to].focus();
  });
}
