"""Students who come onto the roll and leave it while marks are made by several processes."""

from __future__ import annotations

import asyncio
import random

import pytest

STUDENTS = 8


class Teacher:
    """The sockets of a teacher, one on each worker, on which each frame has its answer."""

    def __init__(self, sockets):
        self.sockets = sockets
        self._waiting = [{} for _ in sockets]
        self._number = 0
        self._readers = [asyncio.create_task(self._read(n)) for n in range(len(sockets))]

    async def mark(self, on, student, status):
        """Make a mark, and return the event of its answer."""
        self._number += 1
        ref = str(self._number)
        answer = self._waiting[on][ref] = asyncio.get_running_loop().create_future()
        data = {"studentId": student.id, "status": status}
        await self.sockets[on].send("ATTENDANCE_MARKED", data, ref=ref)
        done, _ = await asyncio.wait(
            [answer, self._readers[on]], return_when=asyncio.FIRST_COMPLETED
        )
        if answer not in done:
            await self._readers[on]  # raises why it ended
        return answer.result()["event"]

    async def close(self):
        for reader in self._readers:
            reader.cancel()
        await asyncio.wait(self._readers)

    async def _read(self, on):
        while True:
            frame = await self.sockets[on].receive()
            if "ref" in frame:
                self._waiting[on].pop(frame["ref"]).set_result(frame)


@pytest.mark.parametrize(
    "rounds",
    [pytest.param(100, marks=pytest.mark.smoke), 10_000],
    ids=["smoke", "whole"],
)
async def test_nobody_is_marked_after_leaving_the_roll(serve_process, lesson, figures, rounds):
    process = await serve_process(
        *("--workers", "2"),
        QUARTAPP_WEBSOCKET_RATE="100000",
    )
    client = process.client
    maths = await lesson(client, students=STUDENTS)
    await maths.start()
    sockets = [
        await process.socket_on(worker, maths.teacher, version=1) for worker in process.workers
    ]
    teacher = Teacher(sockets)
    chance = random.Random(rounds)  # noqa: S311 - no secret
    path, headers = f"/class/{maths.class_id}", maths.teacher.headers
    before = after = 0
    for _ in range(rounds):
        student, other = chance.sample(maths.students, 2)

        async def many_marks(on, student=student, other=other):
            answers = []
            for status in ("present", "absent", "present"):
                await teacher.mark(on, other, status)
                answers.append(await teacher.mark(on, student, status))
            return answers

        removal = client.api.delete(f"{path}/students/{student.id}", headers=headers)
        removed, *answers = await asyncio.gather(removal, many_marks(0), many_marks(1))
        assert removed.status_code == 200, removed.text
        for answered in answers:
            # As of the first refusal, nothing is taken any more.
            assert answered == sorted(answered)
            before += answered.count("ATTENDANCE_MARKED")
            after += answered.count("ERROR")
        late = [await teacher.mark(on, student, "absent") for on in (0, 1)]
        assert late == ["ERROR", "ERROR"]
        added = await client.api.post(
            f"{path}/add-student", json={"studentId": student.id}, headers=headers
        )
        assert added.status_code == 201, added.text
        back = [await teacher.mark(on, student, "present") for on in (0, 1)]
        assert back == ["ATTENDANCE_MARKED", "ATTENDANCE_MARKED"]
    await teacher.close()
    figures["students who left and came back"] = rounds
    figures["marks beside a removal: made, refused"] = (before, after)
    assert before > 0
    assert after > 0
