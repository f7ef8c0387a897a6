// @ts-check
/**
 * The rows of the roll: a student each, with what is stored and what is shown.
 *
 * @typedef {{id: string, item: HTMLElement, name: string, stored: string | null}} Row
 * @typedef {"stored" | "sending" | "waiting"} Stage
 */

const PRESENT = "present";

/** @param {string} id @returns {HTMLElement} */
export const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export const list = part("roll");
const templates = /** @type {HTMLTemplateElement} */ (part("statuses")).content;

/** @type {Map<string, Row>} */
export const rows = new Map();
for (const item of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("li"))) {
  const { student: id = "", status } = item.dataset;
  const name = item.querySelector(".name")?.textContent ?? "";
  rows.set(id, { id, item, name, stored: status || null });
}

/** The choices of the app, as they are cloned into rows. @type {Map<string, HTMLElement>} */
const statuses = new Map();
/** Codes of statuses by their keys. @type {Map<string, string>} */
export const keys = new Map();
for (const label of /** @type {NodeListOf<HTMLElement>} */ (templates.querySelectorAll("label"))) {
  const code = label.querySelector("input")?.value ?? "";
  statuses.set(code, label);
  keys.set((label.dataset.letter ?? "").toLowerCase(), code);
}

/** The name of a status for people. @param {string} code */
export const labelOf = (code) => statuses.get(code)?.querySelector(".word")?.textContent ?? code;

/** @param {Row} row */
export const inputsOf = (row) => [...row.item.querySelectorAll("input")];

/** @param {Row} row The status that its choices show. */
export const checkedOf = (row) => inputsOf(row).find((input) => input.checked)?.value ?? null;

/**
 * Show a status in a row.
 *
 * @param {Row} row
 * @param {string | null} status
 * @param {Stage} stage How far the status has come.
 */
export function paint(row, status, stage) {
  if (row.item.dataset.state !== stage) row.item.dataset.state = stage;
  if (status !== null) offer(row, status);
  for (const input of inputsOf(row)) input.checked = input.value === status;
}

/** Give a row a choice that it did not have. @param {Row} row @param {string} status */
function offer(row, status) {
  const inputs = inputsOf(row);
  if (inputs.some((input) => input.value === status)) return;
  const known = statuses.get(status) ?? [...statuses.values()][0];
  const label = /** @type {HTMLElement} */ (known.cloneNode(true));
  const input = /** @type {HTMLInputElement} */ (label.querySelector("input"));
  input.name = inputs[0].name;
  input.value = status;
  if (!statuses.has(status)) {
    /** @type {HTMLElement} */ (label.querySelector(".disc")).textContent = "?";
    /** @type {HTMLElement} */ (label.querySelector(".word")).textContent = status;
    label.title = status;
  }
  row.item.querySelector(".choices")?.append(label);
}

/** What is stored, counted. */
export function counted() {
  const counts = { present: 0, absent: 0, unmarked: 0 };
  for (const { stored } of rows.values()) {
    if (stored === null) counts.unmarked += 1;
    else if (statuses.get(stored)?.dataset.countsAs === PRESENT) counts.present += 1;
    else counts.absent += 1;
  }
  return counts;
}

const visible = () => [...rows.values()].filter((row) => !row.item.hidden);

/** The row in which an element is. @param {Element | null} element */
export const rowOf = (element) => {
  const item = /** @type {HTMLElement | null | undefined} */ (element?.closest("[data-student]"));
  return rows.get(item?.dataset.student ?? "");
};

/** @param {Row | undefined} row */
export function focusOn(row) {
  const inputs = row ? inputsOf(row) : [];
  (inputs.find((input) => input.checked) ?? inputs[0])?.focus();
}

/** Move the focus to another row. @param {number} step */
export function move(step) {
  const all = visible();
  const row = rowOf(document.activeElement);
  const at = row ? all.indexOf(row) + step : 0;
  focusOn(all[Math.max(0, Math.min(at, all.length - 1))]);
}

/** Move the focus to another choice, without choosing it. @param {number} step */
export function turn(step) {
  const row = rowOf(document.activeElement);
  if (!row) return false;
  const inputs = inputsOf(row);
  const forward = document.dir === "rtl" ? -step : step;
  inputs[inputs.findIndex((input) => input === document.activeElement) + forward]?.focus();
  return true;
}

/** @param {string} name Without accents and capitals. */
const plain = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Leave the rows whose names have a text. @param {string} text */
export function filter(text) {
  const wanted = plain(text.trim());
  for (const row of rows.values()) row.item.hidden = !plain(row.name).includes(wanted);
  part("none-found").hidden = visible().length > 0;
}

export const focusOnFirst = () => focusOn(visible()[0]);
