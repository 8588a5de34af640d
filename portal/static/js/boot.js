// A classic script in <head>: a page whose modules did not all arrive (the network changed while they
// came) would stay empty for ever. It is loaded again, and if that was just done, says so.
(() => {
  const AGAIN_AFTER_MS = 15000;

  addEventListener(
    "error",
    (event) => {
      if (!(event.target instanceof HTMLScriptElement)) return;
      const last = Number(sessionStorage.getItem("fx.reloaded") ?? 0);
      sessionStorage.setItem("fx.reloaded", String(Date.now()));
      if (Date.now() - last > AGAIN_AFTER_MS) {
        setTimeout(() => location.reload(), 500);
        return;
      }
      const text = "This page did not load completely. Is the network there? ";
      const link = Object.assign(document.createElement("a"), {
        href: location.href,
        textContent: "Load it again",
      });
      const note = Object.assign(document.createElement("p"), { className: "banner tone-warn" });
      note.setAttribute("role", "alert");
      note.append(text, link);
      document.body.prepend(note);
    },
    true,
  );
})();
