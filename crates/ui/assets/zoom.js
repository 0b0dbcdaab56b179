// Photos large, on the page itself: + and - or two fingers make them larger and smaller, arrows lead to the next one, Escape closes. Without this module a
// photo is a link to itself, which browsers enlarge too.

const STEPS = [1, 1.5, 2, 3, 4, 6];
let box;
let photos = [];
let at = 0;
let scale = 1;

function build() {
  const words = document.querySelector("#kata-foto").dataset;
  box = document.createElement("dialog");
  box.className = "zoom";
  box.setAttribute("aria-label", words.label);
  const bar = document.createElement("div");
  bar.className = "zoom-bar";
  const button = (name, text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", words[name]);
    made.dataset.zoom = name;
    made.addEventListener("click", act);
    bar.append(made);
    return made;
  };
  button("smaller", "−", () => step(-1));
  button("larger", "+", () => step(1));
  button("before", "‹", () => go(-1));
  button("after", "›", () => go(1));
  button("close", "×", () => box.close());
  const place = document.createElement("p");
  place.className = "zoom-place";
  place.setAttribute("role", "status");
  bar.append(place);
  const view = document.createElement("div");
  view.className = "zoom-view";
  view.tabIndex = 0;
  view.setAttribute("role", "group");
  view.setAttribute("aria-label", words.label);
  view.append(document.createElement("img"));
  box.append(bar, view);
  document.body.append(box);
  box.addEventListener("keydown", keyed);
  box.addEventListener("close", () => photos[at]?.focus());
  view.addEventListener("dblclick", () => size(scale > 1 ? 1 : 2));
  fingers(view);
}

function show() {
  const picture = box.querySelector("img");
  const small = photos[at].querySelector("img");
  picture.src = photos[at].href;
  picture.alt = small.alt;
  size(1);
  const several = photos.length > 1;
  box.querySelector(".zoom-place").textContent = `${small.alt}${several ? ` (${at + 1}/${photos.length})` : ""}`;
  for (const name of ["before", "after"]) box.querySelector(`[data-zoom=${name}]`).hidden = !several;
}

function size(to) {
  scale = Math.min(Math.max(to, 1), STEPS.at(-1));
  box.querySelector("img").style.width = scale === 1 ? "" : `${scale * 100}%`;
  box.classList.toggle("large", scale > 1);
}

function step(by) {
  const next = by > 0 ? STEPS.find((one) => one > scale + 0.01) : STEPS.findLast((one) => one < scale - 0.01);
  if (next) size(next);
}

function go(by) {
  at = (at + by + photos.length) % photos.length;
  show();
}

function keyed(event) {
  // Made larger, arrows move over the photo.
  const arrows = scale === 1 ? { ArrowLeft: () => go(-1), ArrowRight: () => go(1) } : {};
  const act = { "+": () => step(1), "=": () => step(1), "-": () => step(-1), 0: () => size(1), ...arrows }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

/** Two fingers. */
function fingers(view) {
  const down = new Map();
  const apart = () => {
    const [a, b] = [...down.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  };
  let began = null;
  view.addEventListener("pointerdown", (event) => {
    down.set(event.pointerId, event);
    began = down.size === 2 ? { apart: apart(), scale } : null;
  });
  view.addEventListener("pointermove", (event) => {
    if (!down.has(event.pointerId)) return;
    down.set(event.pointerId, event);
    if (began && down.size === 2) size((began.scale * apart()) / began.apart);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    view.addEventListener(end, (event) => {
      down.delete(event.pointerId);
      began = null;
    });
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".photos a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !("showModal" in HTMLDialogElement.prototype)) return;
  event.preventDefault();
  if (!box) build();
  photos = [...document.querySelectorAll(".photos a")];
  at = photos.indexOf(link);
  show();
  box.showModal();
});
