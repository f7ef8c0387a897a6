// The HTTP routes.
import bcrypt from "bcryptjs";
import express from "express";
import mongoose from "mongoose";
import { HttpError, issueToken, only, signedIn } from "./auth.js";
import { enrol, startSession } from "./live.js";
import { AttendanceRecord, ClassRoom, User } from "./models.js";

const BCRYPT_COST = 10;
const DUPLICATE_KEY = 11000;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

const userAnswer = ({ _id, name, email, role, createdAt, updatedAt }) => ({
  _id,
  name,
  email,
  role,
  createdAt,
  updatedAt,
});

const isText = (value) => typeof value === "string" && value.trim() !== "";

async function classById(id, fields) {
  const room = mongoose.isObjectIdOrHexString(id) && (await ClassRoom.findById(id, fields).lean());
  if (!room) throw new HttpError(404, "Class not found");
  return room;
}

const teaches = (user, room) => String(room.teacherId) === user.id;
const attends = (user, room) => room.studentsIds.some((id) => String(id) === user.id);

async function orConflict(saving, error) {
  try {
    return await saving;
  } catch (cause) {
    throw cause.code === DUPLICATE_KEY ? error : cause;
  }
}

const auth = express.Router();

auth.post("/register", async (req, res) => {
  const { name, email, password, role } = req.body ?? {};
  const valid =
    isText(name) &&
    EMAIL.test(email) &&
    typeof password === "string" &&
    password.length >= 6 &&
    ["teacher", "student"].includes(role);
  if (!valid) throw new HttpError(422, "Invalid request Schema");
  const hash = await bcrypt.hash(password, BCRYPT_COST);
  const user = await orConflict(
    User.create({ name, email, password: hash, role }),
    new HttpError(403, "Email already exists"),
  );
  res.status(201).json({ success: true, data: userAnswer(user) });
});

auth.post("/login", async (req, res) => {
  const { email, password } = req.body ?? {};
  if (!isText(email) || !isText(password)) throw new HttpError(422, "Invalid request Schema");
  const user = await User.findOne({ email: email.trim().toLowerCase() });
  if (!user) throw new HttpError(404, "User not found");
  if (!(await bcrypt.compare(password, user.password))) {
    throw new HttpError(400, "Invalid email or password");
  }
  res.json({ success: true, data: { token: issueToken(user) } });
});

auth.get("/me", signedIn, async (req, res) => {
  const user = await User.findById(req.user.id).lean();
  if (!user) throw new HttpError(404, "User not found");
  res.json({ success: true, data: userAnswer(user) });
});

const classes = express.Router().use(signedIn);

classes.post(["/", "/create-class"], only("teacher"), async (req, res) => {
  const { className } = req.body ?? {};
  if (!isText(className)) throw new HttpError(400, "Invalid request schema");
  const room = await orConflict(
    ClassRoom.create({ className, teacherId: req.user.id }),
    new HttpError(409, "class already exist"),
  );
  res.status(201).json({ success: true, data: room });
});

classes.post("/:id/add-student", only("teacher"), async (req, res) => {
  const { studentId } = req.body ?? {};
  if (!mongoose.isObjectIdOrHexString(studentId)) {
    throw new HttpError(400, "Invalid request schema");
  }
  const room = await classById(req.params.id);
  if (!teaches(req.user, room)) throw new HttpError(403, "Forbidden, not class teacher");
  if (!(await User.exists({ _id: studentId, role: "student" }))) {
    throw new HttpError(404, "Student not found");
  }
  const changed = await ClassRoom.findOneAndUpdate(
    { _id: room._id, studentsIds: { $ne: studentId } },
    { $push: { studentsIds: studentId } },
    { returnDocument: "after" },
  );
  if (!changed) throw new HttpError(409, "student already exist in class");
  enrol(req.params.id, studentId);
  res.status(201).json({ success: true, ExistingClass: changed });
});

classes.get("/:id", async (req, res) => {
  const room = await classById(req.params.id);
  if (req.user.role === "student" && !attends(req.user, room)) {
    const message = "you are not enrolled in the class";
    throw new HttpError(404, message, { message });
  }
  if (req.user.role === "teacher" && !teaches(req.user, room)) {
    throw new HttpError(403, "Forbidden, not class teacher");
  }
  const person = { select: "name email -_id", options: { lean: true } };
  await ClassRoom.populate(room, [
    { path: "teacherId", ...person },
    { path: "studentsIds", ...person },
  ]);
  const { _id, className, createdAt, updatedAt, teacherId, studentsIds } = room;
  res.json({
    success: true,
    data: [{ _id, className, createdAt, updatedAt, teacherId, studentsIds }],
  });
});

const attendance = express.Router().use(signedIn);

attendance.post("/start", only("teacher"), async (req, res) => {
  const { classId, className } = req.body ?? {};
  const teacherId = req.user.id;
  let query;
  if (mongoose.isObjectIdOrHexString(classId)) query = { _id: classId, teacherId };
  else if (isText(className)) query = { className: className.trim(), teacherId };
  else throw new HttpError(400, "Invalid request schema");
  const room = await ClassRoom.findOne(query).collation({ locale: "en", strength: 2 }).lean();
  if (!room) throw new HttpError(404, "class not found");
  await startSession(room);
  res.json({ success: true, data: room });
});

attendance.get("/:id/my-attendance", only("student"), async (req, res) => {
  const room = await classById(req.params.id, "studentsIds");
  if (!attends(req.user, room)) {
    throw new HttpError(403, "You are not in the class, please contact your professor/admin");
  }
  const record = await AttendanceRecord.findOne(
    { studentId: req.user.id, classId: room._id },
    "status",
  )
    .sort({ createdAt: -1 })
    .lean();
  res.json({ success: true, data: { classId: room._id, status: record?.status ?? null } });
});

export const app = express()
  .disable("x-powered-by")
  .use(express.json({ limit: "64kb" }))
  .use("/api/v1/auth", auth)
  .use("/api/v1/class", classes)
  .use("/api/v1/attendance", attendance)
  .use(() => {
    throw new HttpError(404, "Not Found");
  })
  .use((error, req, res, next) => {
    if (res.headersSent) return next(error);
    const { status = 500, message, extra } = error;
    if (status >= 500) console.error(error);
    const shown = status >= 500 ? "Internal Server Error" : message;
    res.status(status).json({ success: false, error: shown, ...extra });
  });
