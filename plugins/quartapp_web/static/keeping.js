// @ts-check
// Has the service worker keep the page of this roll call. Pages of plain HTTP have no worker.
const KEPT = "quartapp-pages";

export async function keepPage() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/app/worker.js", { scope: "/app/" });
  await navigator.serviceWorker.ready;
  // This page came before the worker was there.
  await (await caches.open(KEPT)).add(location.pathname);
  document.documentElement.dataset.kept = "";
}

/** At a sign-out, nothing stays in the browser. */
export async function forgetPages() {
  if ("caches" in window) await caches.delete(KEPT);
}
