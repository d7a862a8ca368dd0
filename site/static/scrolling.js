// A claim that is wider than its place can be scrolled by keyboard, too.
const letScrollByKeyboard = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
window.addEventListener("load", () => {
  for (const box of document.querySelectorAll(".cell_output .text_html > div")) letScrollByKeyboard.observe(box);
});
