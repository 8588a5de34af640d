// A classic script: modules that cannot be loaded (a network that changes at that moment is enough)
// leave a page that does nothing, and a browser does not try them a second time. So the page is
// loaded again, at first soon, then less often.

(() => {
  const KEPT = "fx.screen.boots";
  const FIRST_MS = 500;
  const MOST_MS = 30000;

  const loadAgain = (error) => {
    console.error(error);
    const failures = Number(sessionStorage.getItem(KEPT)) || 0;
    sessionStorage.setItem(KEPT, failures + 1);
    setTimeout(() => location.reload(), Math.min(MOST_MS, FIRST_MS * 2 ** failures));
    document.getElementById("veil").textContent = "This page has not loaded completely. It is loaded again.";
  };

  Promise.all([import("./page.js"), import("./connection.js")]).then(
    ([page]) => {
      sessionStorage.removeItem(KEPT);
      page.begin();
    },
    loadAgain,
  );
})();
