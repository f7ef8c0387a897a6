// @ts-check
// Takes the code of a link into the form, and out of the address.
const code = new URLSearchParams(location.hash.slice(1)).get("code");
const input = /** @type {HTMLInputElement | null} */ (
  document.querySelector("#code, #invitation")
);
if (code && input) {
  history.replaceState(null, "", location.pathname + location.search);
  if (!input.value) input.value = code;
  /** @type {HTMLElement | null} */ (document.querySelector("form input:not(#code, #invitation)"))?.focus();
}
