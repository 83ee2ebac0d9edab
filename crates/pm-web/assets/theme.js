// Before the first paint: somebody who wants it dark sees no flash of white.
try {
  const wanted = localStorage.getItem("pm.theme");
  if (wanted === "light" || wanted === "dark") document.documentElement.dataset.theme = wanted;
} catch {
  // A browser that keeps nothing follows the system.
}
