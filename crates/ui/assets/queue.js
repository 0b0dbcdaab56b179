// Keys of a list: j and k go from line to line, Enter opens (it is a link), / leads to the search, ? shows the keys. A key that is typed into a
// field stays there. Without this module the list is walked with Tab, and the table of keys is not shown.

const keys = document.querySelector("#tombol");
if (keys) keys.hidden = false;

const links = () => [...document.querySelectorAll(".rows .first a")];

function move(by) {
  const all = links();
  const here = all.indexOf(document.activeElement);
  // From nowhere, j begins at the first line and k at the last.
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
  all[next]?.focus();
  all[next]?.closest("li").scrollIntoView({ block: "nearest" });
}

const does = {
  j: () => move(1),
  k: () => move(-1),
  "/": () => document.querySelector("#cari")?.focus(),
  "?": () => {
    if (!keys) return;
    keys.open = !keys.open;
    if (keys.open) keys.querySelector("summary").focus();
  },
};

addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && typing) return typing.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !does[event.key]) return;
  event.preventDefault();
  does[event.key]();
});
