// Runs before the first paint, so that a chosen theme does not flash. A file of its own because the page forbids inline scripts.
try {
  const theme = localStorage.getItem("sonde.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's preference decides.
}
