// Names for what the theme leaves without one, for those who hear the page.

document.querySelectorAll("summary").forEach((toggle) => {
  if (toggle.textContent.trim()) return;
  const entry = toggle.closest("li")?.querySelector("a");
  toggle.setAttribute("aria-label", `Pages below ${entry?.textContent.trim() ?? "this one"}`);
});
// A name of its own would hide the words that stand on a button.
for (const named of document.querySelectorAll(".search-button-field, summary[aria-label='Toggle hidden content']")) {
  named.removeAttribute("aria-label");
}
// Its icons are drawn late, with titles that say something else than the button.
const hideIcons = (button) => {
  for (const icon of button.querySelectorAll("i, svg")) {
    for (const name of ["title", "role", "aria-labelledby"]) icon.removeAttribute(name);
    icon.setAttribute("aria-hidden", "true");
    icon.querySelector("title")?.remove();
  }
};
for (const button of document.querySelectorAll(".theme-switch-button")) {
  hideIcons(button);
  new MutationObserver(() => hideIcons(button)).observe(button, { childList: true, subtree: true });
}
// What scrolls sideways can be scrolled by keyboard.
for (const box of document.querySelectorAll("div.highlight pre, .wide, .frames.strip, .cell_output table, mjx-container[display]")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
