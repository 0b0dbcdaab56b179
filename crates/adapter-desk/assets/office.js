// What every page of the desk does: fetch supplies while there is a line, say how the line is, send what waits, lock up when the clerk
// leaves.

import { sendAll } from "./send.js";
import * as store from "./store.js";

const says = document.querySelector("[data-desk]")?.dataset ?? {};
/** How often what waits is tried again. */
const AGAIN = 20_000;

/** Service workers and keys are only for pages that came over https, or from this machine itself. */
export const able = window.isSecureContext && "serviceWorker" in navigator && "indexedDB" in window && "locks" in navigator;

/** What is needed to work without a line: fresh from the door, or as it was kept. `null`: the page works with a line only. */
export async function supplied() {
  if (!able) return null;
  navigator.serviceWorker.register("/pekerja.js").catch(() => {});
  // What waits here must not be the first thing that goes when the disk is full.
  navigator.storage?.persist?.().catch(() => {});
  await sayGoodbye();
  let answer;
  const asked = Date.now();
  try {
    answer = await fetch("/bekal.json", { headers: { accept: "application/json" }, signal: AbortSignal.timeout(8000) });
  } catch {
    return store.supplies();
  }
  if (answer.status === 403) {
    await store.forget();
    // The page was kept, and the shift is over.
    if (document.querySelector("[data-desk-inside]")) location.replace("/");
    return null;
  }
  if (!answer.ok) return store.supplies();
  const given = await answer.json();
  const middle = (asked + Date.now()) / 2;
  const kept = await store.supply(given, Date.parse(given.now) - middle).catch(() => null);
  if (kept) caches.open("pages").then((pages) => pages.addAll(["/", "/luring"])).catch(() => {});
  return kept;
}

/** Says on the page how many entries wait, and brings them to the door. `changed` is called when something did. */
export function line(supplies, changed = () => {}) {
  const box = document.querySelector("[data-line]");
  let busy = false;
  let again = false;

  async function tell(outcome) {
    const mine = (await store.entries()).filter((kept) => kept.office === supplies.office);
    const others = (await store.entries()).length - mine.length;
    const wrong = mine.filter((kept) => kept.state !== "waiting").length;
    const words = [];
    if (outcome === "lost") words.push(says.sayNoLine);
    if (outcome === "out") words.push(says.sayOut);
    if (mine.length > wrong) words.push(say("Waiting", mine.length - wrong));
    if (wrong) words.push(say("Wrong", wrong));
    if (others) words.push(say("Others", others));
    if (box) {
      box.hidden = !words.length;
      box.querySelector("p").textContent = words.join(" ");
      box.querySelector("a").hidden = !mine.length || location.pathname === "/luring";
    }
    document.documentElement.dataset.line = outcome;
    changed(outcome);
  }

  async function run() {
    // The line came back while a try on the dead one had not ended: one more follows.
    again = busy;
    if (busy) return;
    busy = true;
    await once().finally(() => (busy = false));
    if (again) await run();
  }

  async function once() {
    const waits = (await store.entries()).some((kept) => kept.state === "waiting" && kept.office === supplies.office);
    await tell(waits ? await sendAll(supplies, () => tell("done")) : await reach());
  }

  run();
  addEventListener("online", run);
  addEventListener("offline", () => tell("lost"));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && run());
  setInterval(run, AGAIN);
  return run;
}

const say = (key, n) => says[`say${key}`].replace("{n}", n);

async function reach() {
  try {
    await fetch("/health", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(8000) });
    return "done";
  } catch {
    return "lost";
  }
}

/** The button "sign out" takes the keys away first, with or without a line. */
export function leaving() {
  const button = document.querySelector('form[action="/keluar"]');
  if (!able || !button) return;
  button.addEventListener("submit", async (event) => {
    event.preventDefault();
    const supplies = await store.supplies();
    const waiting = supplies ? (await store.entries()).filter((kept) => kept.office === supplies.office).length : 0;
    if (waiting && !confirm(say("Leave", waiting))) return;
    await store.forget();
    if (supplies) await store.noteLeaving(supplies.shift).catch(() => {});
    await sayGoodbye();
    location.replace((await store.left()) ? "/tutup" : "/");
  });
}

/** Tells the door that a clerk left while there was no line. Somebody else who signed in meanwhile is not signed out. */
async function sayGoodbye() {
  const shift = await store.left();
  if (!shift) return;
  try {
    const body = new URLSearchParams({ giliran: shift });
    const answer = await fetch("/keluar", { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(8000) });
    if (answer.type === "opaqueredirect" || answer.ok) await store.noteLeaving(null);
  } catch {
    // Still no line: the note stays.
  }
}

/** At the closed door: how much waits for somebody to sign in. */
export async function waitingOutside() {
  const box = document.querySelector("[data-waiting]");
  if (!able || !box) return;
  leaving();
  await sayGoodbye();
  const n = (await store.entries().catch(() => [])).length;
  box.hidden = !n;
  box.querySelector("p").textContent = box.dataset.say.replace("{n}", n);
}
