// @ts-check
/**
 * What has been chosen on this page and is not stored yet, in the order in which it was chosen.
 *
 * Each entry goes to the server with its reference, as often as needed: the server applies a
 * reference once. A mark says which mark its teacher saw (`seen`), so that nobody's mark is
 * overwritten without a question.
 *
 * @typedef {object} Entry
 * @property {string} ref Reference of the frame.
 * @property {"mark" | "rest" | "done"} kind What was chosen.
 * @property {string | null} studentId The student; null where it is not about one.
 * @property {string | null} status The status to store; null takes the mark back.
 * @property {string | null} seen The status that was seen; null for none.
 *
 * @typedef {object} Conflict
 * @property {string} studentId
 * @property {string | null} wanted What this page has chosen last.
 * @property {string | null} current What is stored.
 */

export class Queue {
  /** @param {Entry[]} entries Entries of an earlier visit. */
  constructor(entries = []) {
    /** @type {Map<string, Entry>} */
    this.entries = new Map(entries.map((entry) => [entry.ref, entry]));
  }

  get size() {
    return this.entries.size;
  }

  /** @param {Entry} entry */
  add(entry) {
    this.entries.set(entry.ref, entry);
  }

  /** The entries without an answer, in their order. */
  unanswered() {
    return [...this.entries.values()];
  }

  /**
   * The status that the page shows of a student in place of the stored one.
   *
   * @param {string} studentId
   * @returns {string | null | undefined} Undefined where nothing is on its way.
   */
  chosen(studentId) {
    return this.#of(studentId).at(-1)?.status;
  }

  /**
   * Forget an entry that has its answer.
   *
   * @param {string | undefined} ref
   * @returns {Entry | undefined} The entry; undefined where there is none.
   */
  answered(ref) {
    const entry = this.entries.get(ref ?? "");
    if (entry) this.entries.delete(entry.ref);
    return entry;
  }

  /**
   * Decide what a refused condition means.
   *
   * A mark that follows an unanswered mark of the same student is only too early: it stays, and is
   * sent again. Otherwise everything chosen for the student is put to the teacher as one question,
   * unless it is what is stored by now.
   *
   * @param {string} ref
   * @param {string | null} current The stored status.
   * @returns {{again: Entry} | {asked: Conflict, dropped: Entry[]} | {dropped: Entry[]} | null}
   */
  conflict(ref, current) {
    const entry = this.entries.get(ref);
    if (!entry?.studentId) return null;
    const all = this.#of(entry.studentId);
    if (all[0].ref !== ref) return { again: entry };
    const wanted = all[all.length - 1].status;
    for (const one of all) this.entries.delete(one.ref);
    if (wanted === current) return { dropped: all };
    return { asked: { studentId: entry.studentId, wanted, current }, dropped: all };
  }

  /** @param {string} studentId */
  #of(studentId) {
    return this.unanswered().filter((entry) => entry.studentId === studentId);
  }
}

/** A new reference. Pages of a school's own network are no secure context, and have no randomUUID. */
export function reference() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The frame that asks the server for an entry.
 *
 * @param {Entry} entry
 * @param {string} classId
 */
export function frameOf(entry, classId) {
  const { ref, kind, studentId, status, seen } = entry;
  if (kind === "done") return { event: "DONE", ref, data: { classId } };
  if (kind === "rest") return { event: "MARK_REST", ref, data: { classId, status } };
  return { event: "ATTENDANCE_MARKED", ref, data: { classId, studentId, status, if: seen } };
}
