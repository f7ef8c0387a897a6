// @ts-check
// What the page of the roll call shows around the rows.
import { list, part } from "./rows.js";

const main = /** @type {HTMLElement} */ (document.querySelector("main"));

/** @param {string} text @param {boolean} signIn Whether a link to the sign-in belongs to it. */
export function say(text, signIn = false) {
  const banner = part("banner");
  banner.hidden = !text;
  /** @type {HTMLElement} */ (banner.querySelector("p")).textContent = text;
  /** @type {HTMLElement} */ (banner.querySelector("a")).hidden = !signIn;
}

/** @param {"roll" | "review" | "done"} name */
export function show(name) {
  main.dataset.view = name;
  list.hidden = name !== "roll";
  part("review").hidden = name !== "review";
  part("done").hidden = name !== "done";
  part("marking").hidden = name !== "roll";
  part("finishing").hidden = name !== "review";
  part("foot").hidden = name === "done";
  if (name !== "roll") part(`${name}-title`).focus();
}

/** List those without a mark. @param {{name: string}[]} unmarked */
export function review(unmarked) {
  part("unmarked").hidden = !unmarked.length;
  part("all-marked").hidden = !!unmarked.length;
  const items = unmarked.map((row) => {
    const item = document.createElement("li");
    const name = document.createElement("bdi");
    name.textContent = row.name;
    item.append(name);
    return item;
  });
  part("unmarked").querySelector("ul")?.replaceChildren(...items);
}
