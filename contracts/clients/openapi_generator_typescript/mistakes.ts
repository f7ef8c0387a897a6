// What must not compile: each line below a directive is a mistake that the types have to find. One
// that goes unnoticed makes its directive an error.

import { AttendanceApi, AuthApi, ClassApi, type Class, Role, type User } from "./client";

export async function mistakes(user: User, one: Class): Promise<void> {
  // @ts-expect-error the field is called email
  await new AuthApi().login({ signIn: { mail: "", password: "" } });
  // @ts-expect-error the field is called classId
  await new AttendanceApi().startAttendance({ sessionStart: { classid: "" } });
  // @ts-expect-error nobody registers as an administrator
  console.log(Role.Admin);
  // @ts-expect-error passwords are never answered
  console.log(user.password);
  // @ts-expect-error a class has studentsIds
  console.log(one.studentIds);
  // @ts-expect-error the path has a parameter
  await new ClassApi().getClass({});
}
