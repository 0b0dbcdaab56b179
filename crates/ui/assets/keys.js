// Keys of staff pages. In a list j and k go from line to line, Enter opens (it is a link), x ticks the line, / leads to the search. On a complaint a letter
// leads to what carries it in data-key: a form that unfolds, a button that then waits for Enter; nothing is done by a letter alone. Ctrl+Enter sends the form
// one writes in. ? shows the keys, and there they can be turned off. A key that is typed into a field stays there.

const keys = document.querySelector("#tombol");
const off = document.querySelector("#tombol-mati");
const KEPT = "muara.tombol";

function isOff() {
  try {
    return localStorage.getItem(KEPT) === "mati";
  } catch {
    return false;
  }
}

if (keys) keys.hidden = false;
if (off) {
  off.checked = isOff();
  off.addEventListener("change", () => {
    try {
      if (off.checked) localStorage.setItem(KEPT, "mati");
      else localStorage.removeItem(KEPT);
    } catch {
      // A browser that keeps nothing: the keys stay.
    }
  });
}

const links = () => [...document.querySelectorAll(".rows .first a")];

function move(by) {
  const all = links();
  const here = all.indexOf(document.activeElement);
  // From nowhere, j begins at the first line and k at the last.
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
  all[next]?.focus();
  all[next]?.closest("li").scrollIntoView({ block: "nearest" });
}

/** Leads to what carries the key: unfolds a form and goes into it. */
function lead(to) {
  const fold = to.closest("summary")?.parentElement;
  if (fold) fold.open = true;
  const place = fold ? (fold.querySelector("textarea") ?? fold.querySelector("select, input:not([type=hidden])") ?? to) : to;
  place.focus();
  place.scrollIntoView({ block: "center" });
}

const does = {
  j: () => move(1),
  k: () => move(-1),
  x: () => document.activeElement.closest?.("li")?.querySelector(".pick input")?.click(),
  "/": () => document.querySelector("#cari")?.focus(),
  u: () => document.querySelector('.menu a[href="/antrean"]')?.click(),
};

function show() {
  if (!keys) return;
  keys.open = !keys.open;
  if (!keys.open) return;
  keys.querySelector("summary").focus();
  keys.scrollIntoView({ block: "nearest" });
}

addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (event.key === "Escape" && typing) return typing.blur();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("textarea")) {
    event.preventDefault();
    const form = event.target.form;
    return form?.requestSubmit(form.querySelector("button.main"));
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    event.preventDefault();
    return show();
  }
  if (isOff()) return;
  const to = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  const act = to ? () => lead(to) : links().length > 0 || event.key === "/" || event.key === "u" ? does[event.key] : undefined;
  if (!act) return;
  event.preventDefault();
  act();
});

// How many lines are ticked.
const picked = document.querySelector("[data-picked]");
addEventListener("change", (event) => {
  if (!picked || !event.target.matches?.(".pick input")) return;
  const n = document.querySelectorAll(".pick input:checked").length;
  picked.textContent = n;
  picked.hidden = n === 0;
  if (n > 0) document.querySelector("#banyak").open = true;
});
