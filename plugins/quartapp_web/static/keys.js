// @ts-check
// The keys of the roll call: letters mark, arrows move, "/" searches, Ctrl+Z takes back.
import { filter, focusOnFirst, inputsOf, keys, move, part, rowOf, turn } from "./rows.js";

/**
 * @param {(row: import("./rows.js").Row, status: string) => void} mark
 * @param {() => void} undo
 */
export function listen(mark, undo) {
  const search = /** @type {HTMLInputElement} */ (part("search"));
  search.addEventListener("input", () => filter(search.value));
  document.addEventListener("keydown", (event) => {
    const isTyping = document.activeElement === search;
    if (isTyping ? typed(event, search) : pressed(event, search, mark, undo)) {
      event.preventDefault();
    }
  });
}

/** @param {KeyboardEvent} event */
const hasModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** @param {KeyboardEvent} event @param {HTMLInputElement} search @returns {boolean} */
function typed(event, search) {
  if (hasModifier(event)) return false;
  if (event.key === "Escape") filter((search.value = ""));
  else if (event.key !== "Enter" && event.key !== "ArrowDown") return false;
  focusOnFirst();
  return true;
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLInputElement} search
 * @param {(row: import("./rows.js").Row, status: string) => void} mark
 * @param {() => void} undo
 * @returns {boolean} Whether the key had a meaning here.
 */
function pressed(event, search, mark, undo) {
  const key = event.key.toLowerCase();
  if (hasModifier(event)) {
    if (key !== "z" || event.shiftKey || event.altKey) return false;
    undo();
    return true;
  }
  if (part("roll").hidden) return false;
  if (key === "/") {
    search.focus();
    search.select();
    return true;
  }
  if (key === "arrowdown" || key === "arrowup") {
    move(key === "arrowdown" ? 1 : -1);
    return true;
  }
  // Browsers would choose a status at each step to the side.
  if (key === "arrowright" || key === "arrowleft") return turn(key === "arrowright" ? 1 : -1);
  const row = rowOf(document.activeElement);
  const status = keys.get(key);
  const input = row && inputsOf(row).find((one) => one.value === status);
  if (!row || !status || !input || input.disabled) return false;
  mark(row, status);
  input.focus();
  return true;
}
