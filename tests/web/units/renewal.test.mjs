// The renewal of a sign-in, on a turned clock.
import assert from "node:assert/strict";
import { test } from "node:test";

import { renew } from "../../../plugins/quartapp_web/static/renewal.js";

const HOUR = 3_600_000;
const body = Buffer.from(JSON.stringify({ iat: 0, exp: 24 * 3600 })).toString("base64url");
const token = `a.${body}.c`;

function page(context, answers) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  const asked = [];
  const listeners = [];
  globalThis.document = {
    visibilityState: "visible",
    addEventListener: (_, listener) => listeners.push(listener),
  };
  globalThis.fetch = async (path, { method }) => {
    asked.push(`${method} ${path} at ${Date.now() / HOUR}`);
    return answers.shift();
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const tick = async (milliseconds) => {
    context.mock.timers.tick(milliseconds);
    await settled();
  };
  return { asked, tick, wake: async () => { listeners.forEach((one) => one()); await settled(); } };
}

const fresh = () => ({ ok: true, status: 200, json: async () => ({ data: { token } }) });

test("a sign-in is renewed after half of its time, again and again", async (context) => {
  const { asked, tick } = page(context, [fresh(), fresh()]);
  const tokens = [];
  renew(2 * 3600, (one) => tokens.push(one));
  await tick(HOUR - 1);
  assert.deepEqual(asked, []);
  await tick(1);
  assert.deepEqual(asked, ["POST /api/v1/auth/refresh at 1"]);
  await tick(12 * HOUR);
  assert.equal(asked[1], "POST /api/v1/auth/refresh at 13");
  assert.deepEqual(tokens, [token, token]);
});

test("without an answer it is tried again each minute, and who is signed out is left alone", async (context) => {
  const { asked, tick } = page(context, [{ ok: false, status: 503 }, { ok: false, status: 401 }]);
  renew(2 * 3600, assert.fail);
  await tick(HOUR);
  await tick(60_000);
  assert.equal(asked.length, 2);
  await tick(48 * HOUR);
  assert.equal(asked.length, 2);
});

test("a computer that wakes renews at once", async (context) => {
  const { asked, tick, wake } = page(context, [fresh()]);
  renew(2 * 3600, () => undefined);
  await wake();
  assert.equal(asked.length, 0);
  context.mock.timers.setTime(10 * HOUR);
  await wake();
  assert.equal(asked.length, 1);
});

test("what cannot be renewed is left alone", async (context) => {
  const { asked, tick } = page(context, []);
  renew(0, assert.fail);
  await tick(48 * HOUR);
  assert.deepEqual(asked, []);
});
