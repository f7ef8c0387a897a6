// @ts-check
/**
 * The queue's copy in the browser, which outlives a reload and an expired sign-in.
 *
 * @typedef {import("./queue.js").Entry} Entry
 * @typedef {Entry & {person: string, classId: string, startedAt: string, order: number}} Kept
 */

const DATABASE = "quartapp";
const STORE = "marks";

/** @returns {Promise<IDBDatabase>} */
function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "ref" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @template Result
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<Result>} work
 * @returns {Promise<Result>}
 */
async function inStore(mode, work) {
  const database = await opened();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  }).finally(() => database.close());
}

/** @param {Kept} entry */
export const keep = (entry) => inStore("readwrite", (store) => store.put(entry));

/** @param {string} ref */
export const drop = (ref) => inStore("readwrite", (store) => store.delete(ref));

/** Forget everything, at a sign-out. */
export const forget = () => inStore("readwrite", (store) => store.clear());

/** @returns {Promise<Kept[]>} All kept entries, in the order in which they were chosen. */
export async function kept() {
  /** @type {Kept[]} */
  const all = await inStore("readonly", (store) => store.getAll());
  return all.sort((one, other) => one.order - other.order);
}
