// The desk's service worker: the page opens without the network. The door writes VERSION and FILES above these lines.
// It keeps pages and their files, never what citizens said: that is in `store.js`, sealed.

const FILES_CACHE = `files-${VERSION}`;
/** How long a page may keep a clerk waiting before the kept one is shown. */
const PATIENCE = 6000;

self.addEventListener("install", (event) => {
  const fill = async () => {
    const cache = await caches.open(FILES_CACHE);
    await cache.addAll(FILES.map((address) => new Request(address, { cache: "reload" })));
    await self.skipWaiting();
  };
  event.waitUntil(fill());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name.startsWith("files-") && name !== FILES_CACHE) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, pathname));
  else if (pathname.startsWith("/aset/") || pathname.startsWith("/berkas-loket/")) event.respondWith(file(request));
  else if (pathname === "/batas.json") event.respondWith(outlines(request));
});

async function page(request, pathname) {
  const kept = await keptPage(pathname);
  try {
    const fresh = fetch(request);
    fresh.catch(() => {}); // it may fail after the kept page was shown
    // A line that gives nothing for seconds is no line, as long as there is something else to show.
    const answer = kept ? await Promise.race([fresh, late()]) : await fresh;
    if (answer && !(kept && answer.status >= 502 && answer.status <= 504)) return answer;
    return kept;
  } catch {
    return kept ?? Response.error();
  }
}

const late = () => new Promise((done) => setTimeout(() => done(null), PATIENCE));

/** What can stand in for a page: the entry form for itself, the list of what waits for everything else, the closed door for nobody. */
async function keptPage(pathname) {
  const pages = await caches.open("pages");
  const own = await pages.match(pathname === "/" ? "/" : "/luring", { ignoreVary: true });
  return own ?? (await caches.match("/tutup", { ignoreVary: true }));
}

async function file(request) {
  return (await caches.match(request, { ignoreVary: true })) ?? fetch(request);
}

async function outlines(request) {
  const cache = await caches.open(FILES_CACHE);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(request, fresh.clone());
    return fresh;
  } catch {
    return (await cache.match(request, { ignoreVary: true })) ?? Response.error();
  }
}
