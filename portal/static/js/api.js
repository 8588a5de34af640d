// Calls to the portal, in the words of docs/portal-api.md. What goes wrong is always a Problem.

/** What a call was refused or failed with. `code` is stable, `detail` is for people. */
export class Problem extends Error {
  /**
   * @param {{status?: number, code?: string, title?: string, detail?: string,
   *   errors?: {loc: (string|number)[], msg: string}[], retryAfterSeconds?: number|null}} fields
   */
  constructor({
    status = 0,
    code = "unknown",
    title = "",
    detail = "",
    errors = [],
    retryAfterSeconds = null,
  }) {
    super(detail || title || code);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.detail = detail || title || "The portal gave no reason.";
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether the same call may well succeed a little later. */
  get passes() {
    return (
      this.status === 0 ||
      this.status === 429 ||
      this.status === 502 ||
      this.status === 503 ||
      this.status === 504
    );
  }
}

const AGAIN_AFTER_MS = [300, 1000];

let known = null;

/** Who is signed in; asked once per page. */
export function me() {
  known ??= call("GET", "/api/me").catch((problem) => {
    known = null;
    throw problem;
  });
  return known;
}

/** Take what a sign-in answered as who is signed in. */
export function signedInAs(answer) {
  known = Promise.resolve(answer);
}

let leaving = false;

/** Sign out, and go where that leads: nothing else on this page, which hears of it too, leads elsewhere. */
export async function signOut(to) {
  leaving = true;
  try {
    await post("/api/sign-out");
  } catch (problem) {
    leaving = false;
    throw problem;
  }
  sessionStorage.clear();
  location.assign(to);
}

/** Go and sign in, then come back to where one is. */
export function goSignIn() {
  if (leaving) return;
  const here = location.pathname + location.search + location.hash;
  location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

/**
 * One call. Gives the parsed JSON, or null where there is no body.
 * A body that is undefined is not sent. Raises Problem; whoever is not signed in is sent to do so.
 */
export async function call(
  method,
  path,
  { body, headers = {}, signal, anonymous = false, once = false } = {},
) {
  const response = await answer(method, path, { body, headers, signal, anonymous, once });
  const type = response.headers.get("Content-Type") ?? "";
  return type.includes("json") ? response.json() : null;
}

/** As `call`, but gives the Response itself: pictures, logs. 304 is no problem. */
export async function answer(
  method,
  path,
  { body, headers = {}, signal, anonymous = false, once = false } = {},
) {
  const response = await send(method, path, { body, headers, signal, anonymous, once });
  if (response.ok || response.status === 304) return response;
  const problem = await problemOf(response);
  if (problem.code === "not_signed_in" && !anonymous) goSignIn();
  if (problem.code === "csrf" && !anonymous) {
    known = null; // signed in anew in another tab: its token is another one
    const again = await send(method, path, { body, headers, signal, anonymous, once });
    if (again.ok) return again;
  }
  throw problem;
}

async function send(method, path, { body, headers, signal, anonymous, once }) {
  const all = { Accept: "application/json", ...headers };
  if (body !== undefined) all["Content-Type"] = "application/json";
  if (method !== "GET" && method !== "HEAD" && !anonymous) {
    all["X-CSRF-Token"] = (await me()).csrf_token;
  }
  const request = {
    method,
    headers: all,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    redirect: "error",
    signal,
  };
  try {
    return await fetched(path, request, once);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "unreachable", detail: "The portal cannot be reached. Is the network there?" });
  }
}

// Networks change while one moves about, and a browser then breaks off what is under way: it is said
// again. All calls bear that: they name what is to be so, a launch has its Idempotency-Key, and a
// second share for the same person is revoked like the first. Only a one-time link does not: `once`.
async function fetched(path, request, once) {
  for (const wait of once ? [] : AGAIN_AFTER_MS) {
    try {
      return await fetch(path, request);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return fetch(path, request);
}

async function problemOf(response) {
  const retry = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const retryAfterSeconds = Number.isFinite(retry) ? retry : null;
  try {
    const { code, title, detail, errors } = await response.json();
    return new Problem({ status: response.status, code, title, detail, errors, retryAfterSeconds });
  } catch {
    return new Problem({
      status: response.status,
      // Of a proxy in front, which has another sign-in of its own.
      code: response.status === 401 ? "not_signed_in" : "no_answer",
      detail: `The portal answered ${response.status}. Try again in a moment.`,
      retryAfterSeconds,
    });
  }
}

export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { ...options, body });
export const put = (path, body, options) => call("PUT", path, { ...options, body });
export const patch = (path, body, options) => call("PATCH", path, { ...options, body });
export const remove = (path, options) => call("DELETE", path, options);

/** The path of a session's call: sessionPath("01jd", "suspend"). */
export function sessionPath(id, ...rest) {
  return ["/api/sessions", encodeURIComponent(id), ...rest].join("/");
}
