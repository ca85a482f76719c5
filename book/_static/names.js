// Names for what the theme leaves without one, for those who hear the page.

document.querySelectorAll("summary").forEach((toggle) => {
  if (toggle.textContent.trim()) return;
  const entry = toggle.closest("li")?.querySelector("a");
  toggle.setAttribute("aria-label", `Pages below ${entry?.textContent.trim() ?? "this one"}`);
});
// Its name would hide the shortcut that stands on it.
document.querySelectorAll(".search-button-field").forEach((button) => button.removeAttribute("aria-label"));
// What scrolls sideways can be scrolled by keyboard.
for (const box of document.querySelectorAll("div.highlight pre, .wide, .frames.strip, .cell_output table, mjx-container[display]")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
