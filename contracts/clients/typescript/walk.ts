// The first walk through the API, with nothing but the generated types to go by.
// Arguments: the server's address, a teacher's e-mail address, a student's. Prints what it saw.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Role = components["schemas"]["Role"];
type Class = components["schemas"]["Class"];

const [baseUrl = "", teacherEmail = "", studentEmail = ""] = process.argv.slice(2);
const password = "analytical-engine";
const api = createClient<paths>({ baseUrl });

function must<T>(answer: { data?: { data: T }; error?: { error: string } }): T {
  if (answer.data === undefined) throw new Error(answer.error?.error ?? "no answer");
  return answer.data.data;
}

async function signedIn(name: string, email: string, role: Role) {
  const account = must(
    await api.POST("/api/v1/auth/register", { body: { name, email, password, role } }),
  );
  const { token } = must(await api.POST("/api/v1/auth/login", { body: { email, password } }));
  return { account, headers: { Authorization: `Bearer ${token}` } };
}

const teacher = await signedIn("Ada Lovelace", teacherEmail, "teacher");
const student = await signedIn("Grace Hopper", studentEmail, "student");

const me = must(await api.GET("/api/v1/auth/me", { headers: teacher.headers }));
const created: Class = must(
  await api.POST("/api/v1/class/create-class", {
    body: { className: "Mathematics 101" },
    headers: teacher.headers,
  }),
);

const path = { class_id: created._id };
const added = await api.POST("/api/v1/class/{class_id}/add-student", {
  params: { path },
  body: { studentId: student.account._id },
  headers: teacher.headers,
});
const roll = added.data?.ExistingClass.studentsIds;

const [seen] = must(
  await api.GET("/api/v1/class/{class_id}", { params: { path }, headers: student.headers }),
);
const started = must(
  await api.POST("/api/v1/attendance/start", {
    body: { classId: created._id },
    headers: teacher.headers,
  }),
);
const session = must(await api.GET("/api/v1/attendance/session", { headers: student.headers }));
const own = must(
  await api.GET("/api/v1/attendance/{class_id}/my-attendance", {
    params: { path },
    headers: student.headers,
  }),
);
const status: string | null = own.status;

const refused = await api.DELETE("/api/v1/class/{class_id}", {
  params: { path, query: { records: "delete" } },
  headers: teacher.headers,
});
const students = await api.GET("/api/v1/class/students", {
  params: { query: { search: studentEmail, limit: 1 } },
  headers: teacher.headers,
});

console.log(
  JSON.stringify({
    me,
    className: seen?.className,
    teacher: seen?.teacherId.email,
    students: must(students).map((found) => found.email),
    roll,
    studentId: student.account._id,
    classId: created._id,
    startedId: started._id,
    sessionClassId: session.classId,
    status,
    refused: refused.error?.error,
  }),
);
