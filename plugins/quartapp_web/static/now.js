// @ts-check
// A student's own marks, as they are stored.
import { Live } from "./live.js";
import { renew } from "./renewal.js";

/** @typedef {{label: string, letter: string, hue: string}} Status */

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const person = main.dataset.person ?? "";
/** @type {Record<string, string>} */
const texts = JSON.parse(main.dataset.texts ?? "{}");
/** @type {Record<string, Status>} */
const statuses = JSON.parse(main.dataset.statuses ?? "{}");
const banner = /** @type {HTMLElement} */ (document.getElementById("banner"));

/** @param {import("./live.js").State} state */
function show(state) {
  main.dataset.connection = state;
  banner.hidden = state === "ready";
  const text = state === "ready" ? "" : texts[state === "signed-out" ? "signedOut" : state];
  /** @type {HTMLElement} */ (banner.querySelector("p")).textContent = text;
  /** @type {HTMLElement} */ (banner.querySelector("a")).hidden = state !== "signed-out";
}

/** @param {HTMLElement} section @param {string | null} code @param {string} [text] */
function mark(section, code, text) {
  const status = code === null ? undefined : (statuses[code] ?? { label: code, letter: "?", hue: "absent" });
  const [disc, words] = /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll(".mark span"));
  disc.className = status ? `disc stored hue-${status.hue}` : "disc";
  disc.textContent = status?.letter ?? "–";
  words.textContent = text ?? (status ? texts.marked.replace("{status}", status.label) : texts.unmarked);
  const form = section.querySelector("form");
  if (form) form.hidden = status !== undefined || text !== undefined;
}

/** Say what became of a code. @param {HTMLElement} section @param {string} [message] */
function refused(section, message) {
  const form = section.querySelector("form");
  if (!form || form.hidden) return;
  /** @type {Record<string, string>} */
  const refusals = JSON.parse(form.dataset.refusals ?? "{}");
  const problem = /** @type {HTMLElement} */ (form.querySelector("[role=alert]"));
  problem.textContent = message === undefined ? "" : (refusals[message] ?? refusals[""]);
}

/** @type {NodeListOf<HTMLElement>} */
const sections = document.querySelectorAll("[data-class-id]");
const followed = new Set([...sections].map((section) => section.dataset.classId));
/** @type {string[]} */
const classes = JSON.parse(main.dataset.classes ?? "[]");

/** @param {string} classId A roll call of this class has begun. */
function began(classId) {
  if (classes.includes(classId) && !followed.has(classId)) location.reload();
}

/** Show what became of an ended roll call. @param {HTMLElement} section */
async function ended(section) {
  /** @type {HTMLElement} */ (section.querySelector(".live")).hidden = true;
  const path = `/api/v1/attendance/${section.dataset.classId}/my-attendance`;
  const answer = await fetch(path, { headers: { Accept: "application/json" } }).catch(() => null);
  const status = answer?.ok ? (await answer.json()).data.status : null;
  const label = statuses[status]?.label ?? status;
  mark(section, status, status ? texts.recorded.replace("{status}", label) : texts.ended);
  followed.delete(section.dataset.classId);
}

/** @param {HTMLElement} section */
function follow(section) {
  const take = (/** @type {import("./live.js").Frame} */ { event, data }) => {
    if (event === "ATTENDANCE_MARKED" && data.studentId === person) mark(section, data.status);
    if (event === "ROLL_MARKED" && data.studentIds.includes(person)) mark(section, data.status);
    if (event === "SESSION_STATE") mark(section, data.attendance[person] ?? null);
    if (event === "SESSION_STARTED") location.reload();
    if (event === "DONE" || event === "SESSION_ENDED") ended(section);
    if (event === "ERROR" && data.message === "No active attendance session") ended(section);
    else if (event === "ERROR") refused(section, data.message);
  };
  const classId = section.dataset.classId ?? "";
  const live = new Live(classId, Number(section.dataset.seq), take, show, began);
  const form = section.querySelector("form");
  form?.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    refused(section);
    const code = form.querySelector("input")?.value;
    // Without a connection, the banner says so; the code stays in its field.
    if (live.ready) live.send({ event: "CHECK_IN", data: { classId, code } });
  });
  return live;
}

const lives = [...sections].map(follow);
if (!lives.length) lives.push(new Live("", 0, () => undefined, show, began));
renew(Number(main.dataset.validFor), (token) => lives.forEach((live) => live.renew(token)));
