// The collections. The benchmark fills them by itself, so their names and fields are quartapp's.
import mongoose from "mongoose";

const { Schema, model } = mongoose;
const { ObjectId } = Schema.Types;

const userSchema = new Schema(
  {
    name: { type: String, required: true, trim: true, lowercase: true },
    email: { type: String, required: true, trim: true, lowercase: true, unique: true },
    password: { type: String, required: true },
    role: { type: String, required: true, enum: ["teacher", "student"] },
  },
  { timestamps: true, versionKey: false },
);

const classSchema = new Schema(
  {
    className: { type: String, required: true, trim: true },
    teacherId: { type: ObjectId, ref: "User", required: true },
    studentsIds: [{ type: ObjectId, ref: "User" }],
  },
  { timestamps: true, versionKey: false },
);
// Strength 2 ignores case.
classSchema.index(
  { teacherId: 1, className: 1 },
  { unique: true, collation: { locale: "en", strength: 2 } },
);

const recordSchema = new Schema(
  {
    classId: { type: ObjectId, ref: "Class", required: true },
    studentId: { type: ObjectId, ref: "User", required: true },
    status: { type: String, required: true, enum: ["present", "absent"] },
  },
  { timestamps: true, versionKey: false, collection: "attendance" },
);
recordSchema.index({ studentId: 1, classId: 1, createdAt: -1 });

const liveMarkSchema = new Schema(
  {
    sessionId: { type: ObjectId, required: true },
    studentId: { type: ObjectId, ref: "User", required: true },
    status: { type: String, required: true, enum: ["present", "absent"] },
  },
  { versionKey: false, collection: "live_marks", writeConcern: { w: "majority" } },
);
liveMarkSchema.index({ sessionId: 1, studentId: 1 }, { unique: true });

export const User = model("User", userSchema);
export const ClassRoom = model("Class", classSchema);
export const AttendanceRecord = model("AttendanceRecord", recordSchema);
export const LiveMark = model("LiveMark", liveMarkSchema);
