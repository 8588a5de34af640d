// The last picture of a screen that cannot be asked for one now, over a reload of this tab. Nothing of
// it is on a disk, and it goes with the tab, the session, or the sign-in.

const PREFIX = "fx.picture.";

export async function keepPicture(id, blob) {
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });
  try {
    sessionStorage.setItem(PREFIX + id, url);
  } catch {
    // There is only so much room; the card shows a symbol then.
  }
}

/** A URL that an image can show, or null. */
export function pictureOf(id) {
  return sessionStorage.getItem(PREFIX + id);
}

export function dropPicture(id) {
  sessionStorage.removeItem(PREFIX + id);
}
