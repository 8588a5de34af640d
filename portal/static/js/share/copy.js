// Text to the clipboard; where the browser refuses (no TLS), it is selected to be copied by hand.

/** @returns {Promise<boolean>} whether it is in the clipboard */
export async function copyFrom(input) {
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    input.focus();
    input.select();
    return document.execCommand("copy");
  }
}
