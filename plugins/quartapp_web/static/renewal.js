// @ts-check
// Renews the sign-in of a page that stays open, after half of the time that is left.
const AGAIN_AFTER = 60_000;
// Timers of browsers take no longer time.
const LONGEST = 2 ** 31 - 1;

/** The whole time of a token, in seconds. @param {string} token */
function lifetime(token) {
  const [, body] = token.split(".");
  const { exp, iat } = JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/")));
  return exp - iat;
}

/**
 * @param {number} seconds Time for which the sign-in is valid; 0 for one that cannot be renewed.
 * @param {(token: string) => void} onToken The cookie is renewed; an open socket needs the token.
 */
export function renew(seconds, onToken) {
  if (!seconds) return;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let due = 0;

  /** @param {number} milliseconds */
  function wait(milliseconds) {
    clearTimeout(timer);
    due = Date.now() + milliseconds;
    timer = setTimeout(look, Math.min(milliseconds, LONGEST));
  }

  async function look() {
    if (Date.now() < due) return wait(due - Date.now());
    wait(AGAIN_AFTER);
    const answer = await fetch("/api/v1/auth/refresh", { method: "POST" }).catch(() => null);
    // Who is signed out is told so by the socket.
    if (answer?.status === 401) return wait(LONGEST);
    if (!answer?.ok) return undefined;
    const { token } = (await answer.json()).data;
    onToken(token);
    return wait(lifetime(token) * 500);
  }

  wait(seconds * 500);
  // A computer that slept has not counted the time.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && Date.now() >= due) look();
  });
}
