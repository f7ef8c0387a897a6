// The one live session, which is in this process's memory and nowhere else until DONE.
import mongoose from "mongoose";
import { WebSocket, WebSocketServer } from "ws";
import { bearerToken, verifyToken } from "./auth.js";
import { AttendanceRecord, LiveMark } from "./models.js";

const STATUSES = ["present", "absent"];
const OBJECT_ID = /^[0-9a-f]{24}$/;

// Whether each mark is in the database before anybody sees it, as it would have to be to outlive
// this process: so that the price of that can be told from the price of everything else.
const storesMarks = process.env.STORE_MARKS === "1";

let session = null;

export async function startSession(room) {
  const classId = String(room._id);
  if (session?.classId === classId) return;
  const before = session;
  session = {
    id: new mongoose.Types.ObjectId(),
    classId,
    teacherId: String(room.teacherId),
    startedAt: new Date().toISOString(),
    roll: new Set(room.studentsIds.map(String)),
    attendance: {},
  };
  // Another roll call is over now: what was marked is kept, nobody else becomes absent.
  if (before) await persist(before.classId, before.attendance);
}

export function enrol(classId, studentId) {
  if (session?.classId === classId) session.roll.add(studentId);
}

async function persist(classId, attendance) {
  const records = Object.entries(attendance);
  await AttendanceRecord.insertMany(
    records.map(([studentId, status]) => ({ classId, studentId, status })),
  );
}

function count(attendance) {
  const marks = Object.values(attendance);
  const present = marks.filter((status) => status === "present").length;
  return { present, absent: marks.length - present, total: marks.length };
}

class Refusal extends Error {}

const EVENTS = {
  ATTENDANCE_MARKED: {
    role: "teacher",
    isValid: (data) => OBJECT_ID.test(data?.studentId) && STATUSES.includes(data.status),
    async handle({ broadcast, data: { studentId, status } }) {
      const marked = session;
      if (!marked.roll.has(studentId)) throw new Refusal("Student not enrolled in class");
      if (storesMarks) {
        await LiveMark.updateOne({ sessionId: marked.id, studentId }, { status }, { upsert: true });
        if (session !== marked) throw new Refusal("No active attendance session");
      }
      marked.attendance[studentId] = status;
      broadcast("ATTENDANCE_MARKED", { studentId, status });
    },
  },
  TODAY_SUMMARY: {
    role: "teacher",
    handle({ broadcast }) {
      broadcast("TODAY_SUMMARY", count(session.attendance));
    },
  },
  MY_ATTENDANCE: {
    role: "student",
    handle({ answer, user }) {
      answer("MY_ATTENDANCE", { status: session.attendance[user.id] ?? "not yet updated" });
    },
  },
  DONE: {
    role: "teacher",
    async handle({ broadcast }) {
      const { classId, roll, attendance } = session;
      // First of all, so that whatever comes while records are written finds no session.
      session = null;
      for (const studentId of roll) attendance[studentId] ??= "absent";
      await persist(classId, attendance);
      broadcast("DONE", { message: "Attendance persisted", ...count(attendance) });
    },
  },
};

function parse(raw, isBinary) {
  let message = null;
  try {
    if (!isBinary) message = JSON.parse(raw);
  } catch {
    // Answered like everything else that is no message.
  }
  if (typeof message?.event !== "string") throw new Refusal("Invalid message format");
  return message;
}

function mayActOnSession(user) {
  if (!session) return false;
  return user.role === "teacher" ? session.teacherId === user.id : session.roll.has(user.id);
}

async function dispatch(context, raw, isBinary) {
  const { event, data } = parse(raw, isBinary);
  const { user } = context;
  if (!Object.hasOwn(EVENTS, event)) throw new Refusal("Unknown event");
  const { role, isValid, handle } = EVENTS[event];
  if (user.role !== role) throw new Refusal(`Forbidden, ${role} event only`);
  if (isValid && !isValid(data)) throw new Refusal("Invalid message format");
  if (!mayActOnSession(user)) throw new Refusal("No active attendance session");
  await handle({ ...context, data });
}

export function serveWebSockets(server) {
  const sockets = new WebSocketServer({ server, path: "/ws", maxPayload: 64 * 1024 });

  const encode = (event, data) => JSON.stringify({ event, data });
  const broadcast = (event, data) => {
    const text = encode(event, data);
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(text);
    }
  };

  sockets.on("connection", (socket, request) => {
    const answer = (event, data) => socket.send(encode(event, data));
    const { searchParams } = new URL(request.url, "http://localhost");
    let user;
    try {
      user = verifyToken(searchParams.get("token") ?? bearerToken(request.headers));
    } catch {
      answer("ERROR", { message: "Unauthorized or invalid token" });
      socket.close(1008);
      return;
    }
    const context = { user, answer, broadcast };
    socket.on("error", (error) => console.error(error.message));
    socket.on("message", async (raw, isBinary) => {
      try {
        await dispatch(context, raw, isBinary);
      } catch (error) {
        const refused = error instanceof Refusal;
        if (!refused) console.error(error);
        answer("ERROR", { message: refused ? error.message : "Service Unavailable" });
      }
    });
  });
}
