// The first walk through the API with the client that openapi-generator makes.
// Arguments: the server's address, a teacher's e-mail address, a student's, the day of a session.
// Prints what it saw.

import {
  AttendanceApi,
  AuthApi,
  ClassApi,
  Configuration,
  RecordsApi,
  RegisteredStatus,
  ResponseError,
  Role,
  type User,
} from "./client";

const [basePath = "", teacherEmail = "", studentEmail = "", day = ""] = process.argv.slice(2);
const password = "analytical-engine";

async function signedIn(name: string, email: string, role: Role): Promise<[User, Configuration]> {
  const auth = new AuthApi(new Configuration({ basePath }));
  const { data } = await auth.registerUser({ registration: { name, email, password, role } });
  const accessToken = (await auth.login({ signIn: { email, password } })).data.token;
  return [data, new Configuration({ basePath, accessToken })];
}

async function walk(): Promise<void> {
  const [teacher, teachers] = await signedIn("Ada Lovelace", teacherEmail, Role.Teacher);
  const [student, students] = await signedIn("Grace Hopper", studentEmail, Role.Student);
  const classes = new ClassApi(teachers);
  const created = (await classes.createClass({ classNaming: { className: "Mathematics 101" } }))
    .data;
  const classId = created.id;
  const added = await classes.addStudent({ classId, studentReference: { studentId: student.id } });
  const entered = await new RecordsApi(teachers).addSession({
    classId,
    sessionEntry: {
      date: new Date(day),
      records: [{ studentId: student.id, status: RegisteredStatus.Absent }],
    },
  });
  const register = (await new RecordsApi(teachers).getRegister({ classId })).data;
  const started = await new AttendanceApi(teachers).startAttendance({ sessionStart: { classId } });
  const own = await new AttendanceApi(students).getMyAttendance({ classId });
  const session = await new AttendanceApi(students).getSession({});
  const refused = await classes.deleteClass({ classId }).then(
    () => undefined,
    (error: unknown) => (error instanceof ResponseError ? error.response : undefined),
  );
  const status: string | null = own.data.status;
  console.log(
    JSON.stringify({
      me: (await new AuthApi(teachers).getMe({})).data.email,
      teacherId: created.teacherId,
      teacher: teacher.id,
      roll: added.existingClass.studentsIds,
      student: student.id,
      started: [started.data.id, session.data.classId, classId],
      status,
      outcome: entered.data.outcome,
      statuses: register.students.map((row) => row.statuses),
      refused: refused?.status,
      error: (await refused?.json())?.error,
    }),
  );
}

void walk();
