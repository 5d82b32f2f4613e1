/* Comfort for the keyboard; every page works without it.
   "/" goes to the search, j and k to the next and previous row of a list. */
(() => {
  "use strict";
  const isTyping = (el) => el.closest("input, select, textarea, [contenteditable]");
  const rows = () => Array.from(document.querySelectorAll("table.list tbody tr td:first-child a"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-shortcut='/']");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "j" || event.key === "k") {
      const links = rows();
      if (!links.length) return;
      const step = event.key === "j" ? 1 : -1;
      const here = links.indexOf(document.activeElement);
      const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step;
      if (links[next]) { event.preventDefault(); links[next].focus(); }
    }
  });
})();
