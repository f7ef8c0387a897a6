// @ts-check
// Signing out leaves nothing behind in this browser, and asks first where marks would be lost.
import { forgetPages } from "./keeping.js";
import { forget, kept } from "./store.js";

const form = /** @type {HTMLFormElement | null} */ (document.querySelector("#sign-out"));

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const unsent = (await kept().catch(() => [])).length;
  const question = (form.dataset.question ?? "").replace("{count}", String(unsent));
  if (unsent && !confirm(question)) return;
  await forget().catch(() => undefined);
  await forgetPages().catch(() => undefined);
  form.submit();
});
