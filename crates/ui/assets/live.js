// Keeps parts of a page fresh. An element with data-live names a stream of events; each event fetches the address in
// data-live-fetch (this page by default) and puts the parts marked with data-live-part in place of the old ones.
// Without this module the page is right when it is loaded, and a reload shows what is new.

const source = document.querySelector("[data-live]");

async function refresh() {
  const answer = await fetch(source.dataset.liveFetch || location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live-part]")) {
    const next = fresh.querySelector(`[data-live-part="${CSS.escape(part.dataset.livePart)}"]`);
    // What somebody is typing in is never taken away from under their hands.
    if (next && !part.contains(document.activeElement)) part.replaceWith(next);
  }
}

let waiting = false;
function soon() {
  if (waiting) return;
  waiting = true;
  // Several steps often come in one breath: one fetch is enough for them.
  setTimeout(() => {
    waiting = false;
    refresh().catch(() => {});
  }, 300);
}

if (source && "EventSource" in window) {
  const events = new EventSource(source.dataset.live);
  events.addEventListener("change", soon);
  // After a lost connection something may have been missed.
  let lost = false;
  events.addEventListener("error", () => (lost = true));
  events.addEventListener("open", () => {
    if (lost) soon();
    lost = false;
  });
  addEventListener("pagehide", () => events.close());
}
