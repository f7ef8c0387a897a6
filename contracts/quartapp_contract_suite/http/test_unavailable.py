"""The answers while the database is out of reach, and the recovery afterwards.

The test stops the database, so it always runs against a server that it starts.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quartapp_contract_suite.http.matching import mismatch
from quartapp_contract_suite.http.table.rows import error, plain_error
from quartapp_contract_suite.people import PASSWORD, People
from quartapp_contract_suite.server import server_in

if TYPE_CHECKING:
    import httpx

DEADLINE_SECONDS = 60.0


def _freeze(pid: int) -> None:
    """Stop a process, and wait until all its threads have stopped."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while any(_state(task) != "T" for task in Path(f"/proc/{pid}/task").glob("*")):
        assert time.monotonic() < deadline, "the database does not stop"


def _state(task: Path) -> str:
    # proc(5): the state follows the name in parentheses, which may have any character.
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.needs_own_server
def test_without_its_database_the_server_says_so_and_recovers(
    tmp_path: Path, plugins: list[str]
) -> None:
    with server_in(tmp_path, *plugins) as url, People(url) as people:
        teacher, student = people.teacher(), people.student()
        class_id = people.class_of(teacher, student)
        credentials = {"email": teacher.email, "password": PASSWORD}
        place = f"/api/v1/class/{class_id}"

        def request(
            method: str, path: str, json: object = None, *, who: object = teacher
        ) -> httpx.Response:
            headers = (student if who is student else teacher).headers
            return people.http.request(method, path, json=json, headers=headers)

        database = int((tmp_path / "data" / "mongodb" / "mongod.lock").read_text())
        _freeze(database)
        try:
            for method, path, json in (
                ("GET", "/readyz", None),
                ("POST", "/api/v1/auth/login", credentials),
                ("GET", "/api/v1/auth/me", None),
                ("POST", "/api/v1/class", {"className": "Logic"}),
                ("GET", place, None),
                ("POST", f"{place}/add-student", {"studentId": student.id}),
                ("POST", "/api/v1/attendance/start", {"classId": class_id}),
                ("GET", "/api/v1/attendance/session", None),
            ):
                answer = request(method, path, json)

                assert answer.status_code == 503, (path, answer.text)
                expected = plain_error if path == "/readyz" else error
                assert mismatch(expected("Service Unavailable"), answer.json()) is None
                assert int(answer.headers["retry-after"]) >= 1
            # Requests that need no database are answered as usual. The check of a token needs the
            # database after a moment, since a token that was revoked meanwhile must not pass.
            assert request("GET", "/healthz").status_code == 200
            assert request("POST", "/api/v1/auth/login", {}).status_code == 422
            assert people.http.get("/api/v1/class").status_code == 401
        finally:
            os.kill(database, signal.SIGCONT)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while request("GET", "/readyz").status_code != 200:
            assert time.monotonic() < deadline, "the server does not find its database again"
        assert request("GET", place).status_code == 200
