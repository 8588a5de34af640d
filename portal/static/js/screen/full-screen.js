// Full screen, and with it the keys that a system or browser keeps for itself otherwise.

export const CAN_FILL_SCREEN = Boolean(document.fullscreenEnabled);

export function isFullScreen() {
  return document.fullscreenElement !== null;
}

export async function toggleFullScreen() {
  if (isFullScreen()) {
    await document.exitFullscreen();
    return;
  }
  await document.documentElement.requestFullscreen({ navigationUI: "hide" });
  // Where it can be had: Alt-Tab, Super and Esc go to the session, a long Esc leaves.
  await navigator.keyboard?.lock?.().catch(() => null);
}

export function onFullScreen(run) {
  document.addEventListener("fullscreenchange", () => {
    if (!isFullScreen()) navigator.keyboard?.unlock?.();
    run();
  });
}
