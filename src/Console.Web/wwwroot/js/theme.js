// Runs before the first paint, so that a chosen scheme does not flash. Without a choice the system's setting holds.
(() => {
  const chosen = localStorage.getItem('opsconsole.theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
