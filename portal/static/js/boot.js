// A classic script, the first in <head>: a page of which a script or a style sheet did not arrive (the
// network changed while they came) would stay empty for ever, as browsers try none of them again. It
// is loaded again, at first soon, then less often.
(() => {
  const KEPT = "fx.reloads";
  const FIRST_MS = 500;
  const MOST_MS = 30000;
  let again = 0;

  addEventListener(
    "error",
    ({ target }) => {
      const script = target instanceof HTMLScriptElement;
      const sheet = target instanceof HTMLLinkElement && target.rel === "stylesheet";
      if (script || sheet) loadAgain();
    },
    true,
  );

  addEventListener("load", () => {
    if (![...document.styleSheets].every(isWhole)) loadAgain();
    if (!again) sessionStorage.removeItem(KEPT);
  });

  function loadAgain() {
    if (again) return;
    const failures = Number(sessionStorage.getItem(KEPT) ?? 0);
    sessionStorage.setItem(KEPT, String(failures + 1));
    again = setTimeout(() => location.reload(), Math.min(MOST_MS, FIRST_MS * 2 ** failures));
    if (failures === 0) return;
    if (document.body) say();
    else addEventListener("DOMContentLoaded", say);
  }

  // Of sheets that sheets import no event tells; what did not come has no rules that can be read.
  function isWhole(sheet) {
    try {
      const imports = [...sheet.cssRules].filter((rule) => rule instanceof CSSImportRule);
      return imports.every(({ styleSheet }) => styleSheet && isWhole(styleSheet));
    } catch {
      return false;
    }
  }

  function say() {
    const text = "This page did not load completely; it is tried again. Is the network there? ";
    const link = Object.assign(document.createElement("a"), {
      href: location.href,
      textContent: "Load it now",
    });
    const note = Object.assign(document.createElement("p"), { className: "banner tone-warn" });
    note.setAttribute("role", "alert");
    note.append(text, link);
    document.body.prepend(note);
  }
})();
