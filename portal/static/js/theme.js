// A classic script in <head>: it runs before the first paint, so that a chosen theme never flashes.
// The choice is kept with the user's preferences; this copy is this browser's, for the next page.
(() => {
  const choice = localStorage.getItem("fx.theme");
  if (choice === "light" || choice === "dark") {
    document.documentElement.dataset.theme = choice;
  }
})();
