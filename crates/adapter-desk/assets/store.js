// What the browser keeps for the desk: the supplies that the door gave, and entries on their way, sealed.
//
// An entry is sealed with the office's key. The key is here only while a clerk of the office is signed in, and no script can read it
// out; the sealed entries stay when the clerk leaves, and any clerk of the same office can send them after signing in.

import { fromBase64 } from "./number.js";

const NAME = "muara-loket";

let opening = null;

/** Opened when it is needed, and again where the browser failed to, or closed it by itself: a disk that was slow once must not cost the shift. */
function opened() {
  opening ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("supplies");
      request.result.createObjectStore("entries", { keyPath: "id" });
    };
    request.onsuccess = () => {
      const db = request.result;
      // Another tab with a newer page must not wait for this one.
      db.onversionchange = () => {
        db.close();
        opening = null;
      };
      db.onclose = () => (opening = null);
      done(db);
    };
    request.onerror = () => failed(request.error);
  }).catch((error) => {
    opening = null;
    throw error;
  });
  return opening;
}

async function run(store, mode, work) {
  const db = await opened();
  return new Promise((done, failed) => {
    // "strict": said to be kept only when it is on the disk.
    const transaction = db.transaction(store, mode, { durability: "strict" });
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => done(request.result);
    transaction.onabort = () => failed(transaction.error);
    transaction.onerror = () => failed(transaction.error);
  });
}

const SUPPLIES = "now";
const LEFT = "left";

/** What the door gave for working without a line; `null`: nothing, or the shift is over. */
export async function supplies(now = Date.now()) {
  const kept = await run("supplies", "readonly", (all) => all.get(SUPPLIES)).catch(() => null);
  if (!kept) return null;
  if (now + kept.skew < Date.parse(kept.until)) return kept;
  await forget();
  return null;
}

/** Keeps what the door gave. `given.key` becomes a key that cannot be read out again. */
export async function supply(given, skew) {
  const key = await crypto.subtle.importKey("raw", fromBase64(given.key), "AES-GCM", false, ["encrypt", "decrypt"]);
  const kept = { ...given, key, skew };
  await run("supplies", "readwrite", (all) => all.put(kept, SUPPLIES));
  return kept;
}

/** Takes away the key and the pages: who comes next finds nothing to read. Sealed entries stay. */
export async function forget() {
  await run("supplies", "readwrite", (all) => all.delete(SUPPLIES)).catch(() => {});
  await caches.delete("pages").catch(() => {});
}

/** Notes that a clerk left while the door could not be told; `null` takes the note away. */
export function noteLeaving(shift) {
  return run("supplies", "readwrite", (all) => (shift ? all.put(shift, LEFT) : all.delete(LEFT)));
}

/** Whose leaving the door has not heard of. */
export function left() {
  return run("supplies", "readonly", (all) => all.get(LEFT)).catch(() => null);
}

/** Every entry that is not with the door yet, in the order of entering. `form` stays sealed. */
export async function entries() {
  const all = await run("entries", "readonly", (entries) => entries.getAll());
  return all.sort((a, b) => a.at - b.at);
}

export function entry(id) {
  return run("entries", "readonly", (entries) => entries.get(id));
}

/** Seals a form and keeps it. `facts` stand open beside it: what a slip and the list need, nothing about the citizen. */
export async function keep(key, facts, form) {
  await run("entries", "readwrite", putting(await sealed(key, facts, form)));
}

// The work on a transaction must not wait for anything else.
function putting(row) {
  return (entries) => entries.put(row);
}

async function sealed(key, facts, form) {
  const texts = [];
  const files = [];
  for (const [name, value] of form) {
    if (typeof value === "string") texts.push([name, value]);
    else if (value.size) files.push({ field: name, name: value.name, type: value.type, bytes: await value.arrayBuffer() });
  }
  const heads = files.map(({ bytes, ...head }) => head);
  const words = await seal(key, facts.id, 0, new TextEncoder().encode(JSON.stringify({ texts, files: heads })));
  const pages = [];
  for (const [at, { bytes }] of files.entries()) pages.push(await seal(key, facts.id, at + 1, bytes));
  return { state: "waiting", problems: [], ...facts, words, pages };
}

/** The form of a kept entry. Throws where the key is another office's, or the bytes were touched. */
export async function unseal(key, kept) {
  const { texts, files } = JSON.parse(new TextDecoder().decode(await open(key, kept.id, 0, kept.words)));
  const form = new FormData();
  for (const [name, value] of texts) form.append(name, value);
  for (const [at, { field, name, type }] of files.entries()) {
    form.append(field, new File([await open(key, kept.id, at + 1, kept.pages[at])], name, { type }));
  }
  return form;
}

/** Changes what stands open of an entry. One that is gone stays gone. */
export async function mark(id, change) {
  const kept = await entry(id);
  if (kept) await run("entries", "readwrite", putting({ ...kept, ...change }));
}

export function remove(id) {
  return run("entries", "readwrite", (entries) => entries.delete(id));
}

// Each piece is bound to its entry and its place in it, so that none can be put in another's place.
const bound = (id, at) => new TextEncoder().encode(`${id}/${at}`);

async function seal(key, id, at, bytes) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { iv, bytes: await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound(id, at) }, key, bytes) };
}

function open(key, id, at, { iv, bytes }) {
  return crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: bound(id, at) }, key, bytes);
}
