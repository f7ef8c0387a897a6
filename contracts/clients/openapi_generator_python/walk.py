"""The first walk through the API with the client that openapi-generator makes.

Arguments: the server's address, a teacher's e-mail address, a student's, the day of a
session. Prints what it saw.
"""

from __future__ import annotations

import json
import sys
from datetime import date

from quartapp_client import (
    ApiClient,
    ApiException,
    AttendanceApi,
    AuthApi,
    ClassApi,
    ClassNaming,
    Configuration,
    Credentials,
    RecordEntry,
    RecordsApi,
    RegisteredStatus,
    Registration,
    Role,
    SessionEntry,
    SessionStart,
    SignIn,
    StudentReference,
    User,
)

PASSWORD = "analytical-engine"  # noqa: S105 - of an account that is made for a test


def signed_in(base_url: str, name: str, email: str, role: Role) -> tuple[User, ApiClient]:
    """Register and sign in; return the account, and a client with its token."""
    auth = AuthApi(ApiClient(Configuration(host=base_url)))
    account = auth.register_user(
        Registration(name=name, email=email, password=PASSWORD, role=role)
    ).data
    token = auth.login(SignIn(Credentials(email=email, password=PASSWORD))).data.token
    return account, ApiClient(Configuration(host=base_url, access_token=token))


def main(base_url: str, teacher_email: str, student_email: str, day: str) -> None:
    """Walk from two accounts to a roll call and its records."""
    teacher, teachers = signed_in(base_url, "Ada Lovelace", teacher_email, Role.TEACHER)
    student, students = signed_in(base_url, "Grace Hopper", student_email, Role.STUDENT)
    classes, attendance = ClassApi(teachers), AttendanceApi(teachers)
    created = classes.create_class(ClassNaming(className="Mathematics 101")).data
    added = classes.add_student(created.id, StudentReference(studentId=student.id))
    entered = RecordsApi(teachers).add_session(
        created.id,
        SessionEntry(
            date=date.fromisoformat(day),
            records=[RecordEntry(studentId=student.id, status=RegisteredStatus.ABSENT)],
        ),
    )
    register = RecordsApi(teachers).get_register(created.id).data
    started = attendance.start_attendance(SessionStart(classId=created.id)).data
    own = AttendanceApi(students).get_my_attendance(created.id).data
    session = AttendanceApi(students).get_session().data
    try:
        classes.delete_class(created.id)
    except ApiException as error:
        refused = error
    print(
        json.dumps(
            {
                "me": AuthApi(teachers).get_me().data.email,
                "teacherId": created.teacher_id,
                "teacher": teacher.id,
                "roll": added.existing_class.students_ids,
                "student": student.id,
                "started": [started.id, session.class_id, created.id],
                "status": own.status,
                "outcome": entered.data.outcome,
                "statuses": [row.statuses for row in register.students],
                "refused": refused.status,
                "error": json.loads(refused.body or "{}")["error"],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
