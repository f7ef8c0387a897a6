"""The commands to try next, for a reader who keeps the demo's server running."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from quartapp_attendance import DONE, MARKED, SUMMARY

if TYPE_CHECKING:
    from quartapp_demo.school import School
    from quartapp_demo.server import Server


def next_steps(server: Server, school: School) -> list[str]:
    """Return the lines to print: text starts with a space, commands to copy do not.

    Args:
        server: The server that keeps running.
        school: The accounts and the class on the server.
    """
    teacher, student = school.teacher, school.students[0]
    here = Path(sys.executable)
    mark = {"studentId": student.id, "status": "present"}
    python = (
        "python"
        if Path(shutil.which("python") or "").parent == here.parent
        else shlex.quote(str(here))
    )
    as_teacher, as_student = (
        f'-H "Authorization: Bearer ${name}"' for name in ("TEACHER", "STUDENT")
    )
    as_json = "-H 'Content-Type: application/json'"
    sign_in = f'{{"email": "{student.email}", "password": "{school.password}"}}'
    return [
        "",
        f" The server stays up until ctrl-C. Its API is described at http://{server.address}/docs",
        "",
        " Accounts; the password is the same for everybody, and the tokens are good for a day:",
        "",
        f"    {teacher.email:<32}teacher",
        f"    {student.email:<32}student, and {len(school.students) - 1} more",
        "",
        f"BASE={server.api}",
        f"PASSWORD={school.password}",
        f"TEACHER={teacher.token}",
        f"STUDENT={student.token}",
        f"CLASS={school.class_id}",
        "",
        " With curl, after the lines above:",
        "",
        f"curl -s $BASE/auth/login {as_json} -d '{sign_in}'",
        f"curl -s $BASE/auth/me {as_teacher}",
        f"curl -s $BASE/class/$CLASS {as_student}",
        f"curl -s $BASE/attendance/$CLASS/my-attendance {as_student}",
        f"curl -s $BASE/attendance/start {as_teacher} {as_json} -d '{{\"classId\": \"'$CLASS'\"}}'",
        "",
        " On the socket, as the teacher and in a second terminal as the student:",
        "",
        f'{python} -m websockets "{server.socket}?token=$TEACHER"',
        f'{python} -m websockets "{server.socket}?token=$STUDENT"',
        "",
        " and there, with the session started by the last curl line, one line after the other:",
        "",
        json.dumps({"event": MARKED, "data": mark}),
        json.dumps({"event": SUMMARY}),
        json.dumps({"event": DONE}),
        "",
    ]
