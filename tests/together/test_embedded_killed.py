"""A mongod that is killed under a live session of a server with an embedded database."""

from __future__ import annotations

import os
import signal

REFUSED = {"message": "Service Unavailable"}


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

    async def marked(student):
        """Send a mark until it is acknowledged."""
        data = mark(student)
        while True:
            answer = await teacher.ask("ATTENDANCE_MARKED", data, ref=student.id)
            if answer["event"] == "ATTENDANCE_MARKED":
                acknowledged.append(answer)
                return
            assert answer["data"] == REFUSED

    for number, student in enumerate(maths.students):
        if number in (4, 8):
            pid = int((tmp_path / "data" / "mongodb" / "mongod.lock").read_text())
            os.kill(pid, signal.SIGKILL)
        await marked(student)
    shown = [await watching.receive() for _ in maths.students]
    assert [(frame["data"], frame["seq"]) for frame in shown] == [
        (answer["data"], answer["seq"]) for answer in acknowledged
    ]
    done = await teacher.ask("DONE")
    assert (done["data"]["present"], done["data"]["total"]) == (12, 12)
