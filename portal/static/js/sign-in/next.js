// Where to go after signing in: only ever to a page of this portal. Pure.

/**
 * The path from ?next=, or "/". What looks like another place, or like the sign-in itself, is none.
 * `hash` is this page's: browsers take a fragment along when they are sent here (/#launch=xfce).
 */
export function nextPath(search, origin, hash = "") {
  const wanted = new URLSearchParams(search).get("next");
  if (!wanted || !wanted.startsWith("/") || /[\\\u0000-\u001f]/u.test(wanted)) return "/";
  let url;
  try {
    url = new URL(wanted, origin);
  } catch {
    return "/";
  }
  if (url.origin !== origin || url.pathname.startsWith("//") || url.pathname === "/sign-in") return "/";
  return url.pathname + url.search + (url.hash || (linkToken(hash) === null ? hash : ""));
}

/** The one-time link's token from the fragment, or null. */
export function linkToken(hash) {
  return new URLSearchParams(hash.replace(/^#/u, "")).get("link");
}
