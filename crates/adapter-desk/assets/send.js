// Brings kept entries to the door: one at a time, in the order of entering, by one tab only. An entry leaves the browser when the door
// has it on its disk; it may be sent any number of times, because the door and the core know it by its id.

import * as store from "./store.js";

/** How long a line may take for one entry with its scans: as long as the door waits. */
const PATIENCE = 15 * 60 * 1000;

/** Sends what waits for this office. Returns why it stopped: `done`, `lost` (no line), `out` (sign in first). */
export function sendAll(supplies, changed) {
  return navigator.locks.request("muara-loket-send", async () => {
    for (const kept of await store.entries()) {
      if (kept.office !== supplies.office || kept.state !== "waiting") continue;
      const outcome = await sendOne(supplies, kept);
      changed?.();
      if (outcome === "lost" || outcome === "out") return outcome;
    }
    return "done";
  });
}

/** Sends one entry. `taken`, `wrong` (its problems are noted), `lost` or `out`. */
export async function sendOne(supplies, kept, patience = PATIENCE) {
  let form;
  try {
    form = await store.unseal(supplies.key, kept);
  } catch {
    await store.mark(kept.id, { state: "sealed" });
    return "wrong";
  }
  const answer = await post(form, patience);
  if (answer?.json?.next) {
    if (answer.json.number !== kept.number) return mismatch(kept, answer.json.number);
    await store.remove(kept.id);
    return "taken";
  }
  if (answer?.status === 403) return "out";
  if (!answer?.json?.problems || answer.status >= 500 || answer.status === 408 || answer.status === 429) return "lost";
  await store.mark(kept.id, { state: "wrong", problems: answer.json.problems });
  return "wrong";
}

// It cannot be: both make the number of the same words. If it ever is, a person hears of it and nothing is thrown away.
async function mismatch(kept, number) {
  await store.mark(kept.id, { state: "mismatch", said: number });
  return "wrong";
}

async function post(form, patience) {
  try {
    const answer = await fetch("/", {
      method: "POST",
      body: form,
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(patience),
      redirect: "error",
    });
    return { status: answer.status, json: await answer.json().catch(() => null) };
  } catch {
    return null;
  }
}
