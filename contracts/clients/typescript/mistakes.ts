// What must not compile: each line below a directive is a mistake that the types have to find. One
// that goes unnoticed makes its directive an error.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const api = createClient<paths>({ baseUrl: "http://localhost" });

export async function mistakes(user: components["schemas"]["User"]): Promise<void> {
  // @ts-expect-error the field is called email
  await api.POST("/api/v1/auth/login", { body: { mail: "", password: "" } });
  // @ts-expect-error there are two roles
  const role: components["schemas"]["Role"] = "admin";
  // @ts-expect-error passwords are never answered
  console.log(role, user.password);
  // @ts-expect-error a class has studentsIds
  type StudentIds = components["schemas"]["Class"]["studentIds"];
  // @ts-expect-error there is no such path
  await api.GET("/api/v1/classes");
  // @ts-expect-error the path has a parameter
  await api.GET("/api/v1/class/{class_id}", {});
  // @ts-expect-error records takes one value
  await api.DELETE("/api/v1/class/{class_id}", { params: { path: { class_id: "" }, query: { records: "keep" } } });
  const answer = await api.GET("/api/v1/attendance/session");
  // @ts-expect-error an error has a message, and no field of this name
  console.log(answer.error?.reason satisfies StudentIds);
}
