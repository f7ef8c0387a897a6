"""A mongod that is killed under a live session of a server with an embedded database."""

from __future__ import annotations

import os
import signal

import pytest

pytestmark = pytest.mark.processes

REFUSED = {"message": "Service Unavailable"}
ENDING = {"message": "No active attendance session"}


async def test_marks_go_on_and_none_is_lost_when_the_embedded_mongod_is_killed(
    serve_process, lesson, mark, tmp_path, monkeypatch
):
    monkeypatch.delenv("MONGODB_URI", raising=False)
    process = await serve_process()
    maths = await lesson(process.client, students=12)
    await maths.start()
    teacher = await process.client.socket(maths.teacher, version=1)
    watching = await process.client.socket(maths.students[0], version=1)
    acknowledged = []

    async def answered(event, data=None, ref=None):
        """Send a frame until it is answered, and return the answer."""
        while True:
            await teacher.send(event, data, ref=ref)
            while True:
                answer = await teacher.receive()
                if answer["event"] == event and answer.get("ref") == ref:
                    return answer
                # A frame whose storing was not confirmed is answered with an error and, when it was
                # stored after all, with what everybody sees.
                if answer["data"] == REFUSED:
                    break
                # The first DONE has begun to end the session, and a server goes on with that.
                assert answer["event"] != "ERROR" or (event, answer["data"]) == ("DONE", ENDING)

    for number, student in enumerate(maths.students):
        if number in (4, 8):
            pid = int((tmp_path / "data" / "mongodb" / "mongod.lock").read_text())
            os.kill(pid, signal.SIGKILL)
        acknowledged.append(await answered("ATTENDANCE_MARKED", mark(student), student.id))
    shown = [await watching.receive() for _ in maths.students]
    assert [(frame["data"], frame["seq"]) for frame in shown] == [
        (answer["data"], answer["seq"]) for answer in acknowledged
    ]
    done = await answered("DONE")
    assert (done["data"]["present"], done["data"]["total"]) == (12, 12)
