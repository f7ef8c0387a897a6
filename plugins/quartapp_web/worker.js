// @ts-check
// Keeps the pages of roll calls, so that one can be called, and loaded again, without a connection.
// Signing out deletes the pages, which have names in them. The files are the same for everybody.
const PAGES = "quartapp-pages";
const SHARED = "quartapp-files";
const OFFLINE = "/app/offline";
const FILES = [
  OFFLINE,
  "/app/static/style.css",
  "/app/static/icon.svg",
  "/app/static/roll.js",
  "/app/static/rows.js",
  "/app/static/view.js",
  "/app/static/keeping.js",
  "/app/static/keys.js",
  "/app/static/live.js",
  "/app/static/queue.js",
  "/app/static/renewal.js",
  "/app/static/store.js",
  "/app/static/sign-out.js",
];
// The types of this file are those of a window.
const worker = /** @type {any} */ (self);

worker.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(caches.open(SHARED).then((cache) => cache.addAll(FILES)));
  worker.skipWaiting();
});

worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(worker.clients.claim());
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { method, mode, url } = /** @type {Request} */ (event.request);
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  if (mode === "navigate") event.respondWith(page(event.request, pathname));
  else if (FILES.includes(pathname)) event.respondWith(fresh(event.request, SHARED));
});

/** @param {Request} request @param {string} path */
async function page(request, path) {
  try {
    return path.startsWith("/app/roll/") ? await fresh(request, PAGES) : await fetch(request);
  } catch (error) {
    const kept = await caches.match(OFFLINE, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

/**
 * What the server says, or where it says nothing, what it said last.
 *
 * @param {Request} request
 * @param {string} name Name of the cache that keeps the answer.
 */
async function fresh(request, name) {
  const cache = await caches.open(name);
  try {
    const response = await fetch(request);
    if (response.status === 200) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}
