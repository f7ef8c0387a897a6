"""What the types have to find: each line with a comment is a mistake.

One that goes unnoticed makes its comment an error (mypy: unused-ignore).
"""

from __future__ import annotations

from quartapp_client import (
    AttendanceApi,
    ClassNaming,
    Credentials,
    ModelClass,
    Role,
    SessionStart,
    User,
)


def mistakes(user: User, found: ModelClass, api: AttendanceApi) -> None:
    """Never called."""
    Credentials(mail="", password="")  # type: ignore[call-arg]
    SessionStart(classid="")  # type: ignore[call-arg]
    print(Role.ADMIN)  # type: ignore[attr-defined]
    print(user.password)  # type: ignore[attr-defined]
    print(found.student_ids)  # type: ignore[attr-defined]
    ClassNaming(className=101)  # type: ignore[arg-type]
    api.start_attendance(ClassNaming(className=""))  # type: ignore[arg-type]
