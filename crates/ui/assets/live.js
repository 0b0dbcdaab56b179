// Keeps parts of a page fresh. An element with data-live names a stream of events; each event fetches the page again (or the address in
// data-live-fetch) and puts the parts marked with data-live-part in place of the old ones. data-live-pause: at most so often, in
// milliseconds. An element with data-live-news appears when something changed. Without this module the page is right when it is loaded.

const source = document.querySelector("[data-live]");
const pause = Number(source?.dataset.livePause ?? 300);
let events = null;
let waiting = false;

async function refresh() {
  const answer = await fetch(source.dataset.liveFetch || location.href, { headers: { accept: "text/html" } });
  // Signed out, or gone: what is shown stays, and the next click tells.
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  let news = false;
  for (const part of document.querySelectorAll("[data-live-part]")) {
    const next = fresh.querySelector(`[data-live-part="${CSS.escape(part.dataset.livePart)}"]`);
    if (next && next.innerHTML !== part.innerHTML && !inUse(part)) {
      keepOpen(part, next);
      keepPlace(part, next);
      news = true;
    }
  }
  // What is new is on the screen now, so a form may be sent from here; but not one that somebody has begun to write: they are told first.
  for (const name of ["version", "seen"]) {
    const value = fresh.querySelector(`[name=${name}]`)?.value;
    if (value) for (const field of document.querySelectorAll(`[name=${name}]`)) if (!begun(field.form)) field.value = value;
  }
  const note = document.querySelector("[data-live-news]");
  if (news && note) note.hidden = false;
}

function begun(form) {
  return [...(form?.querySelectorAll("textarea") ?? [])].some((pen) => pen.value.trim() !== "");
}

// What somebody types in or listens to is never taken away from them.
function inUse(part) {
  const typed = [...part.querySelectorAll("textarea, input:not([type=hidden])")].some(
    (field) => field.value !== field.defaultValue || (field.checked ?? false) !== (field.defaultChecked ?? false),
  );
  const held = part.contains(document.activeElement) && !document.activeElement.matches("a[href]");
  return typed || held || [...part.querySelectorAll("audio")].some((sound) => !sound.paused);
}

function keepOpen(part, next) {
  const open = [...part.querySelectorAll("details")].map((details) => details.open);
  next.querySelectorAll("details").forEach((details, at) => (details.open ||= open[at] ?? false));
}

// The link that has the focus keeps it, or the one that is now where it was; what is looked at stays where it is on the screen.
function keepPlace(part, next) {
  const links = (where) => [...where.querySelectorAll("a[href]")];
  const same = (link) => links(next).find((other) => other.getAttribute("href") === link.getAttribute("href"));
  const held = part.contains(document.activeElement) ? document.activeElement : null;
  const at = links(part).indexOf(held);
  const seen = (held ? [held] : links(part)).find((link) => link.getBoundingClientRect().top >= 0 && same(link));
  const before = seen?.getBoundingClientRect().top;
  part.replaceWith(next);
  const focus = held && (same(held) ?? links(next)[Math.min(at, links(next).length - 1)]);
  focus?.focus({ preventScroll: true });
  if (seen) scrollBy({ top: same(seen).getBoundingClientRect().top - before, behavior: "instant" });
}

function soon() {
  if (waiting) return;
  waiting = true;
  // Several steps often come in one breath: one fetch is enough for them.
  setTimeout(() => {
    waiting = false;
    refresh().catch(() => {});
  }, pause);
}

function listen() {
  let lost = false;
  events = new EventSource(source.dataset.live);
  events.addEventListener("change", soon);
  events.addEventListener("present", () => document.dispatchEvent(new Event("muara:present")));
  events.addEventListener("error", () => (lost = true));
  // After a lost connection something may have been missed.
  events.addEventListener("open", () => {
    if (lost) soon();
    lost = false;
  });
}

// A page that nobody looks at holds no connection; when it is looked at again, it catches up.
function look() {
  if (document.hidden) {
    events?.close();
    events = null;
  } else if (!events) {
    listen();
    soon();
  }
}

if (source && "EventSource" in window) {
  listen();
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => events?.close());
}
