// @ts-check
// The roll call: choices go out at once, several at a time, and count when the server says so.
import { keepPage } from "./keeping.js";
import { listen } from "./keys.js";
import { Live } from "./live.js";
import { Queue, frameOf, reference } from "./queue.js";
import { renew } from "./renewal.js";
import * as roll from "./rows.js";
import { counted, labelOf, list, part, rows } from "./rows.js";
import { drop, keep, kept } from "./store.js";
import { review, say, show } from "./view.js";

/**
 * @typedef {import("./live.js").Frame} Frame
 * @typedef {import("./queue.js").Entry} Entry
 * @typedef {import("./queue.js").Conflict} Conflict
 * @typedef {import("./rows.js").Row} Row
 */

const AGAIN_AFTER = 1500;
const PRESENT = "present";
const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const { classId = "", startedAt = "", person = "" } = main.dataset;
/** @type {Record<string, string>} */
const texts = JSON.parse(main.dataset.texts ?? "{}");

/** @param {string} name @param {Record<string, string | number>} values */
const told = (name, values = {}) =>
  texts[name].replace(/\{(\w+)\}/g, (_, key) => String(values[key]));

/** @param {string | null} code */
const named = (code) => (code === null ? texts.none : labelOf(code));

const queue = new Queue();
/** @type {Conflict[]} */
const conflicts = [];
/** @type {{studentId: string, before: string | null, after: string | null}[][]} */
const past = [];
/** The students whom the last "mark the rest" has marked, until its answer is here. */
let rest = /** @type {string[]} */ ([]);
let order = Date.now();
let over = false;
let wantsEnd = false;

/** @param {Row} row */
const shown = (row) => {
  const chosen = queue.chosen(row.id);
  return chosen === undefined ? row.stored : chosen;
};

// ---------------------------------------------------------------------------------- what is shown

/** @param {Row} row */
function paint(row) {
  const isChosen = queue.chosen(row.id) !== undefined;
  roll.paint(row, shown(row), isChosen ? (live.ready ? "sending" : "waiting") : "stored");
}

function count() {
  const counts = counted();
  const text = told("counts", counts);
  if (part("counts").textContent !== text) part("counts").textContent = text;
  /** @type {HTMLButtonElement} */ (part("rest")).disabled = counts.unmarked === 0;
}

function controls() {
  /** @type {HTMLButtonElement} */ (part("undo")).disabled = !past.length;
  const marks = queue.unanswered().filter((entry) => entry.kind !== "done").length;
  part("waiting").hidden = !(wantsEnd && marks);
  part("waiting").textContent = told("waiting", { count: marks });
  /** @type {HTMLButtonElement} */ (part("finish")).disabled = wantsEnd;
  if (wantsEnd && !marks && !conflicts.length && !over) finish();
}

/** Ask about the first conflict; the next one follows its answer. */
function ask() {
  const [first] = conflicts;
  const box = part("conflict");
  box.hidden = !first;
  if (!first) return;
  const name = rows.get(first.studentId)?.name ?? "";
  const [current, wanted] = [named(first.current), named(first.wanted)];
  const text = told("conflict", { name, current, wanted });
  /** @type {HTMLElement} */ (box.querySelector("p")).textContent = text;
  part("keep").textContent = told("keep", { status: current });
  part("change").textContent = told("change", { status: wanted });
}

// ---------------------------------------------------------------------------------- what is chosen

/** @param {Omit<Entry, "ref">} chosen */
function choose(chosen) {
  const entry = { ref: reference(), ...chosen };
  queue.add(entry);
  if (entry.kind === "mark") {
    order += 1;
    keep({ ...entry, person, classId, startedAt, order }).catch(() => undefined);
  }
  if (live.ready) live.send(frameOf(entry, classId));
  return entry;
}

/** @param {Row} row @param {string | null} status @returns {boolean} Whether it is a change. */
function mark(row, status) {
  const seen = shown(row);
  if (over || seen === status) return false;
  choose({ kind: "mark", studentId: row.id, status, seen });
  paint(row);
  controls();
  return true;
}

/** @param {Row} row @param {string} status */
function markByHand(row, status) {
  const before = shown(row);
  if (!mark(row, status)) return;
  past.push([{ studentId: row.id, before, after: status }]);
  controls();
}

function markRest() {
  const unmarked = [...rows.values()].filter((row) => shown(row) === null);
  if (over || !unmarked.length) return;
  if (live.ready) {
    rest = [];
    choose({ kind: "rest", studentId: null, status: PRESENT, seen: null });
    return;
  }
  for (const row of unmarked) mark(row, PRESENT);
  past.push(unmarked.map(({ id }) => ({ studentId: id, before: null, after: PRESENT })));
  controls();
}

function undo() {
  for (const { studentId, before, after } of past.pop() ?? []) {
    const row = rows.get(studentId);
    // Who was marked otherwise since then stays as they are.
    if (row && shown(row) === after) mark(row, before);
  }
  controls();
}

function finish() {
  if (queue.unanswered().some((entry) => entry.kind === "done")) return;
  choose({ kind: "done", studentId: null, status: null, seen: null });
}

/** @param {boolean} change Whether the teacher's choice replaces the stored mark. */
function decide(change) {
  const conflict = conflicts.shift();
  const row = rows.get(conflict?.studentId ?? "");
  if (conflict && row && change) {
    const before = row.stored;
    if (mark(row, conflict.wanted)) {
      past.push([{ studentId: row.id, before, after: conflict.wanted }]);
    }
  }
  ask();
  controls();
  if (row) roll.focusOn(row);
}

// ---------------------------------------------------------------------------------- what is stored

/** @param {string} studentId @param {string | null} status */
function store(studentId, status) {
  const row = rows.get(studentId);
  if (!row) return;
  row.stored = status;
  paint(row);
}

/** @param {string | undefined} ref */
function answered(ref) {
  const entry = queue.answered(ref);
  if (entry?.kind === "mark") drop(entry.ref).catch(() => undefined);
  return entry;
}

/** @param {Frame} frame */
function take({ event, data, ref }) {
  if (over) return;
  const entry = event === "ERROR" || event === "ROLL_MARKED" ? undefined : answered(ref);
  if (event === "ATTENDANCE_MARKED") {
    store(data.studentId, data.status);
  } else if (event === "ROLL_MARKED") {
    for (const studentId of data.studentIds) store(studentId, data.status);
    if (queue.unanswered().some(({ kind }) => kind === "rest")) rest.push(...data.studentIds);
  } else if (event === "MARKED_REST") {
    if (entry && rest.length) {
      past.push(rest.map((id) => ({ studentId: id, before: null, after: entry.status })));
    }
    rest = [];
  } else if (event === "SESSION_STATE") {
    if (data.startedAt !== startedAt) return end("over");
    for (const row of rows.values()) store(row.id, data.attendance[row.id] ?? null);
  } else if (event === "DONE") {
    return done(data);
  } else if (event === "SESSION_ENDED") {
    return end(data.outcome in texts ? data.outcome : "over");
  } else if (event === "ERROR") {
    refused(data.message, data.current ?? null, ref);
  }
  count();
  controls();
}

/** @param {string} message @param {string | null} current @param {string | undefined} ref */
function refused(message, current, ref) {
  if (message === "No active attendance session" || message.startsWith("Forbidden")) {
    return end("over");
  }
  if (message === "Service Unavailable") {
    if (queue.entries.has(ref ?? "")) setTimeout(resend, AGAIN_AFTER);
    return undefined;
  }
  if (message === "Conflict" && ref) {
    const decision = queue.conflict(ref, current);
    if (!decision) return undefined;
    if ("again" in decision) return void setTimeout(resend, AGAIN_AFTER);
    for (const one of decision.dropped) drop(one.ref).catch(() => undefined);
    const studentId = decision.dropped[0].studentId ?? "";
    store(studentId, current);
    if ("asked" in decision) conflicts.push(decision.asked);
    return ask();
  }
  const entry = answered(ref);
  const row = rows.get(entry?.studentId ?? "");
  if (!row) return undefined;
  if (message === "Student not enrolled in class") {
    row.item.remove();
    rows.delete(row.id);
    return say(told("gone", { name: row.name }));
  }
  paint(row);
  return say(told("refused", { name: row.name, reason: message }));
}

function resend() {
  if (live.ready) for (const entry of queue.unanswered()) live.send(frameOf(entry, classId));
}

/** @param {Record<string, number>} data */
function done(data) {
  over = true;
  live.end();
  const text = told("counts", { present: data.present, absent: data.absent, unmarked: 0 });
  part("counts").textContent = text;
  /** @type {HTMLElement} */ (part("done").querySelector("p")).textContent = text;
  say("");
  lost();
  show("done");
}

/** @param {string} why Name of the text that says why the roll call is over here. */
function end(why) {
  over = true;
  live.end();
  main.dataset.connection = "over";
  say(told(why));
  conflicts.length = 0;
  ask();
  lost();
  list.querySelectorAll("input").forEach((input) => (input.disabled = true));
  part("foot").hidden = true;
}

/** Say which marks came too late to be stored. */
function lost() {
  const late = queue.unanswered().filter(({ kind }) => kind === "mark");
  if (late.length) {
    const names = late.map(({ studentId }) => rows.get(studentId ?? "")?.name ?? "");
    say([part("banner").querySelector("p")?.textContent, told("lost", {
      names: [...new Set(names)].join(", "),
    })].join(" ").trim());
  }
  for (const entry of queue.unanswered()) answered(entry.ref);
  for (const row of rows.values()) paint(row);
}

// ---------------------------------------------------------------------------------- keys and buttons

list.addEventListener("change", (event) => {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const row = roll.rowOf(input);
  if (row) markByHand(row, input.value);
});
listen(markByHand, undo);
part("undo").addEventListener("click", undo);
part("rest").addEventListener("click", markRest);
part("to-review").addEventListener("click", () => {
  review([...rows.values()].filter((row) => shown(row) === null));
  show("review");
});
part("back").addEventListener("click", () => {
  wantsEnd = false;
  controls();
  show("roll");
  part("to-review").focus();
});
part("finish").addEventListener("click", () => {
  wantsEnd = true;
  controls();
});
part("keep").addEventListener("click", () => decide(false));
part("change").addEventListener("click", () => decide(true));

// ---------------------------------------------------------------------------------- the connection

const live = new Live(classId, Number(main.dataset.seq), take, (state) => {
  main.dataset.connection = state;
  if (state === "ready") {
    say("");
    resend();
  } else if (state === "signed-out") {
    say(texts.signedOut, true);
  } else {
    say(texts[state]);
  }
  for (const { studentId } of queue.unanswered()) {
    const row = rows.get(studentId ?? "");
    if (row) paint(row);
  }
});

renew(Number(main.dataset.validFor), (token) => live.renew(token));
show("roll");
count();
// What was chosen before this script was there.
const early = [...rows.values()]
  .map((row) => ({ row, status: roll.checkedOf(row) }))
  .filter(({ row, status }) => status !== row.stored);
const before = await kept().catch(() => []);
const mine = before.filter((entry) => entry.person === person && entry.classId === classId);
for (const entry of mine) {
  if (entry.startedAt === startedAt) queue.add(entry);
  else drop(entry.ref).catch(() => undefined);
}
const late = mine.filter((entry) => entry.startedAt !== startedAt);
if (late.length) {
  const names = late.map(({ studentId }) => rows.get(studentId ?? "")?.name ?? "");
  say(told("lost", { names: [...new Set(names)].join(", ") }));
}
for (const row of rows.values()) paint(row);
for (const { row, status } of early) {
  if (status !== null && queue.chosen(row.id) === undefined) markByHand(row, status);
}
/** @type {HTMLButtonElement} */ (part("to-review")).disabled = false;
resend();
keepPage().catch(() => undefined);
