"""Concurrent requests on four processes for the end of a session, and for one mark."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

import pymongo
import pytest
from bson import ObjectId

WORKERS = 4
ROUNDS = 6
CLOSERS = 50
RACERS = 8
STUDENTS_OF_ONE = 3
MARKS_OF_ONE = 60
TIMES = 10
SAME_MARK_ROUNDS = 20
NO_SESSION = "No active attendance session"


@pytest.fixture
async def process(serve_process, mongodb_uri):
    """Provide a server of four processes, with access to its database."""
    return await serve_process(
        *("--workers", str(WORKERS)), MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32
    )


@pytest.fixture
def stored(mongodb_uri):
    """Return a function that counts the records of a student: ``stored(student)``."""
    with pymongo.MongoClient(mongodb_uri) as client:
        collection = client.get_default_database()["attendance"]
        yield lambda student: collection.count_documents({"studentId": ObjectId(student.id)})


async def on_all_workers(process, person, count):
    """Open ``count`` sockets of ``person``, with sockets on each worker."""
    sockets = await asyncio.gather(*(process.client.socket(person) for _ in range(count)))
    for idle in process.workers - set(map(process.worker_of, sockets)):
        sockets.append(await process.socket_on(idle, person))
    return sockets


def of(event, frames):
    return [frame["data"] for frame in frames if frame["event"] == event]


async def heard(socket):
    """Return all frames of ``socket`` after the session has ended and its frames are answered."""
    if not of("DONE", socket.history):
        await socket.until("DONE")
    await socket.drain()
    return socket.history


@pytest.mark.smoke
async def test_fifty_who_end_a_session_at_once_end_it_once(process, lesson, mark, stored, figures):
    """In each round fifty sockets send DONE while others mark, on all processes."""
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311 - which moment, not which secret
    figures |= {"seed": seed, "rounds": ROUNDS, "DONE sent": ROUNDS * CLOSERS}
    figures |= {"DONE broadcast, at least": ROUNDS, "DONE broadcast, at most": 0}
    counted = Counter()
    maths = await lesson(process.client, students=RACERS * STUDENTS_OF_ONE)
    for _ in range(ROUNDS):
        await maths.start()
        closers = await on_all_workers(process, maths.teacher, CLOSERS)
        racers = await on_all_workers(process, maths.teacher, RACERS)
        watchers = await on_all_workers(process, maths.students[0], WORKERS)
        sent = {
            racer: [
                mark(maths.students[number * STUDENTS_OF_ONE + turn % STUDENTS_OF_ONE], status)
                for turn in range(MARKS_OF_ONE)
                for status in (("present", "absent")[turn // STUDENTS_OF_ONE % 2],)
            ]
            for number, racer in enumerate(racers[:RACERS])
        }

        async def race(racer, marks):
            for data in marks:
                await racer.send("ATTENDANCE_MARKED", data)
                await asyncio.sleep(0)  # so that all of them take turns

        racing = [asyncio.create_task(race(*each)) for each in sent.items()]
        for _ in range(chance.randrange(RACERS * MARKS_OF_ONE // 2)):
            await watchers[0].receive()
        await asyncio.gather(*(closer.send("DONE") for closer in closers[:CLOSERS]))
        await asyncio.gather(*racing)

        everybody = [*closers, *racers, *watchers]
        histories = await asyncio.gather(*(heard(socket) for socket in everybody))
        to_all = [[f for f in history if f["event"] != "ERROR"] for history in histories]
        dones = [len(of("DONE", frames)) for frames in to_all]
        figures["DONE broadcast, at least"] = min(figures["DONE broadcast, at least"], *dones)
        figures["DONE broadcast, at most"] = max(figures["DONE broadcast, at most"], *dones)
        assert set(dones) == {1}
        assert all(frames == to_all[0] for frames in to_all), "one order for all"
        assert to_all[0][-1]["event"] == "DONE", "no mark after it"

        shown = of("ATTENDANCE_MARKED", to_all[0])
        for racer, marks in sent.items():
            students = {data["studentId"] for data in marks}
            taken = [data for data in shown if data["studentId"] in students]
            refused = of("ERROR", racer.history)
            assert taken == marks[: len(taken)]
            assert refused == [{"message": NO_SESSION}] * (len(marks) - len(taken))
            counted["marks sent"] += len(marks)
            counted["marks in the result"] += len(taken)
            counted["marks refused"] += len(refused)
        for closer in closers[:CLOSERS]:
            refused = of("ERROR", closer.history)
            assert refused in ([], [{"message": NO_SESSION}])
            counted["DONE refused"] += len(refused)
        last = {data["studentId"]: data["status"] for data in shown}
        records = [last.get(student.id, "absent") for student in maths.students]
        assert await maths.records() == records
        assert of("DONE", to_all[0])[0] == {
            "message": "Attendance persisted",
            "present": records.count("present"),
            "absent": records.count("absent"),
            "total": len(records),
        }
        await asyncio.gather(*(socket.close() for socket in everybody))
    figures |= counted
    figures["marks lost"] = (
        counted["marks sent"] - counted["marks in the result"] - counted["marks refused"]
    )
    assert figures["marks lost"] == 0
    assert [stored(student) for student in maths.students] == [ROUNDS] * len(maths.students)
    assert await process.terminate() == 0


@pytest.mark.smoke
async def test_the_same_mark_many_times_at_once_has_one_effect(
    process, lesson, mark, stored, figures
):
    """Ten sockets on all processes send one mark; each student of the class in turn."""
    maths = await lesson(process.client, students=SAME_MARK_ROUNDS)
    await maths.start()
    senders = await on_all_workers(process, maths.teacher, TIMES)
    watchers = await on_all_workers(process, maths.students[0], WORKERS)
    everybody = [*senders, *watchers]
    counted = Counter()
    for number, student in enumerate(maths.students, 1):
        for socket in everybody:
            socket.history.clear()
        data = mark(student, "present")
        await asyncio.gather(
            *(sender.send("ATTENDANCE_MARKED", data) for sender in senders[:TIMES])
        )
        for sender in senders[:TIMES]:
            await sender.drain()
        await senders[0].send("TODAY_SUMMARY")
        summaries = [await socket.until("TODAY_SUMMARY") for socket in everybody]
        whole = {"present": number, "absent": 0, "total": number}
        assert [summary["data"] for summary in summaries] == [whole] * len(everybody)
        shown = [of("ATTENDANCE_MARKED", socket.history) for socket in everybody]
        assert 1 <= len(shown[0]) <= TIMES
        assert all(each == [data] * len(shown[0]) for each in shown)
        counted["marks sent"] += TIMES
        counted["marks broadcast"] += len(shown[0])
        counted["errors"] += sum(len(of("ERROR", socket.history)) for socket in everybody)
    session = await maths.session()
    figures |= {"rounds": SAME_MARK_ROUNDS, "processes": WORKERS, **counted}
    figures["statuses"] = len(session["attendance"])
    assert session["attendance"] == {student.id: "present" for student in maths.students}
    await senders[0].send("DONE")
    await asyncio.gather(*(socket.until("DONE") for socket in everybody))
    records = [stored(student) for student in maths.students]
    figures["records"] = sum(records)
    assert records == [1] * SAME_MARK_ROUNDS
    assert await maths.records() == ["present"] * SAME_MARK_ROUNDS
    assert counted["errors"] == 0
    assert await process.terminate() == 0
