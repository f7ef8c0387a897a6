// The queue and its rule for conflicts, run by Node's own runner.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Queue, frameOf, reference } from "../../../plugins/quartapp_web/static/queue.js";

const mark = (ref, studentId, status, seen) => ({ ref, kind: "mark", studentId, status, seen });

test("entries stay in order until each has its answer", () => {
  const queue = new Queue([mark("1", "ada", "present", null)]);
  queue.add(mark("2", "ada", "absent", "present"));
  assert.deepEqual(queue.unanswered().map(({ ref }) => ref), ["1", "2"]);
  assert.equal(queue.chosen("ada"), "absent");
  assert.equal(queue.answered("1").status, "present");
  assert.equal(queue.answered("1"), undefined);
  assert.equal(queue.answered(undefined), undefined);
  assert.equal(queue.size, 1);
  assert.equal(queue.chosen("ada"), "absent");
  queue.answered("2");
  assert.equal(queue.chosen("ada"), undefined);
});

test("a mark that is taken back differs from no mark", () => {
  const queue = new Queue([mark("1", "ada", null, "present")]);
  assert.equal(queue.chosen("ada"), null);
  assert.equal(queue.chosen("ben"), undefined);
});

test("a conflict asks once about everything chosen for the student", () => {
  const queue = new Queue([
    mark("1", "ada", "present", null),
    mark("2", "ben", "present", null),
    mark("3", "ada", "late", "present"),
  ]);
  const decision = queue.conflict("1", "absent");
  assert.deepEqual(decision.asked, { studentId: "ada", wanted: "late", current: "absent" });
  assert.deepEqual(decision.dropped.map(({ ref }) => ref), ["1", "3"]);
  assert.equal(queue.conflict("3", "absent"), null);
  assert.deepEqual(queue.unanswered().map(({ ref }) => ref), ["2"]);
});

test("a conflict with what was chosen is no question", () => {
  const queue = new Queue([mark("1", "ada", "present", null)]);
  const decision = queue.conflict("1", "present");
  assert.equal("asked" in decision, false);
  assert.equal(queue.size, 0);
});

test("a mark that was tried before its predecessor is sent again", () => {
  const queue = new Queue([mark("1", "ada", "present", null), mark("2", "ada", null, "present")]);
  assert.equal(queue.conflict("2", null).again.ref, "2");
  assert.equal(queue.size, 2);
});

test("no conflict is known of what is no mark", () => {
  const queue = new Queue([{ ref: "1", kind: "rest", studentId: null, status: "present", seen: null }]);
  assert.equal(queue.conflict("1", "absent"), null);
  assert.equal(queue.conflict("unknown", "absent"), null);
  assert.equal(queue.size, 1);
});

test("frames carry the reference, the class and what was seen", () => {
  assert.deepEqual(frameOf(mark("1", "ada", null, "late"), "7b"), {
    event: "ATTENDANCE_MARKED",
    ref: "1",
    data: { classId: "7b", studentId: "ada", status: null, if: "late" },
  });
  const rest = { ref: "2", kind: "rest", studentId: null, status: "present", seen: null };
  assert.deepEqual(frameOf(rest, "7b"), {
    event: "MARK_REST",
    ref: "2",
    data: { classId: "7b", status: "present" },
  });
  const done = { ref: "3", kind: "done", studentId: null, status: null, seen: null };
  assert.deepEqual(frameOf(done, "7b"), { event: "DONE", ref: "3", data: { classId: "7b" } });
});

test("references are long and never the same", () => {
  const made = new Set(Array.from({ length: 1000 }, reference));
  assert.equal(made.size, 1000);
  for (const one of made) assert.match(one, /^[0-9a-f]{32}$/);
});
