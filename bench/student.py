"""What a student has attended in five years: columns beside the plain way.

The student is in ten classes of 500 for five years, with 200 sessions a year each: 10,000 sessions.
The plain way reads the student's 10,000 records, and the days of their sessions; records of others
are left out, which only the plain way would feel. Both ways run in this process on idle
connections, and give the same rows. The answer of the route is timed beside.

``python bench/student.py --rounds 30``
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

# A script's own folder comes first on the path, where http.py would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import pymongo  # noqa: E402
from bson import ObjectId  # noqa: E402

from bench.client import BenchError  # noqa: E402
from bench.servers import ours, running  # noqa: E402
from bench.visit import Figures, Plan  # noqa: E402
from quartapp.clock import Clock  # noqa: E402
from quartapp.database.database import Database  # noqa: E402
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError  # noqa: E402
from quartapp_records.columns import Positions  # noqa: E402
from quartapp_records.register import Registers  # noqa: E402
from quartapp_records.students import StudentRegisters  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.servers import Server

CLASSES, YEARS, SESSIONS, ROLL = 10, 5, 200, 500
BEGAN = datetime(2020, 9, 1, 10, tzinfo=UTC)
CODES = ["present", "absent"]
WARM_UP = 3
TIMEOUT_SECONDS = 60.0

Rows = dict[ObjectId, list[tuple[str, str]]]


def student(server: Server, plan: Plan) -> Figures:
    """Measure the attendance of one student over five years.

    Args:
        server: A server of ours.
        plan: Amount of measurement.

    Raises:
        BenchError: The two ways give different rows.
    """
    seeder, rounds = server.seeder, plan.registers
    # Whoever has records reads their own, whatever their role.
    pupil, teacher = seeder.people(0, str), seeder.people(0, str)
    with pymongo.MongoClient[dict[str, Any]](seeder.uri) as client:
        database = client[seeder.database]
        key = ObjectId(pupil.id)
        classes = [_add(database, ObjectId(teacher.id), key, one) for one in range(CLASSES)]
    found = asyncio.run(_measured(seeder.uri, seeder.database, key, classes, rounds))
    found["student_route"] = _timed_route(server, pupil.token, rounds)
    return Figures(found)


async def _measured(
    uri: str, name: str, key: ObjectId, classes: list[ObjectId], rounds: int
) -> dict[str, float]:
    database = Database(uri, name, TIMEOUT_SECONDS, Clock())
    await database.open(prepare=False)
    try:
        # All columns are fresh, so that nothing is built.
        students = StudentRegisters(database, Registers(database, None))  # type: ignore[arg-type]

        async def by_columns() -> Rows:
            return await students.read(key, classes)

        async def plainly() -> Rows:
            return await _plain(database, key)

        if await by_columns() != await plainly():
            raise BenchError("a student has other rows by columns than by records")
        return {
            "student": await _timed(by_columns, rounds),
            "student_plain": await _timed(plainly, max(rounds // 5, 1)),
        }
    finally:
        await database.close()


async def _plain(database: Database, key: ObjectId) -> Rows:
    documents = database.documents
    fields = {"_id": 0, "sessionId": 1, "classId": 1, "status": 1}
    records = await documents["attendance"].find({"studentId": key}, fields).to_list()
    wanted = {"_id": {"$in": [record["sessionId"] for record in records]}}
    sessions = documents["sessions"].find(wanted, {"date": 1, "startedAt": 1})
    days = {one["_id"]: (one["date"], one["startedAt"], one["_id"]) async for one in sessions}
    rows: Rows = {}
    for record in sorted(records, key=lambda one: days[one["sessionId"]]):
        told = (days[record["sessionId"]][0], record["status"])
        rows.setdefault(record["classId"], []).append(told)
    return rows


async def _timed(read: Callable[[], Awaitable[Rows]], rounds: int) -> float:
    taken = []
    for number in range(WARM_UP + rounds):
        began = time.perf_counter()
        await read()
        if number >= WARM_UP:
            taken.append((time.perf_counter() - began) * 1000)
    return round(median(taken), 1)


def _timed_route(server: Server, token: str, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        server.api.ask("/me/attendance", token)
        taken.append((time.perf_counter() - began) * 1000)
    return round(median(taken), 1)


def _add(
    database: pymongo.database.Database[dict[str, Any]],
    teacher: ObjectId,
    pupil: ObjectId,
    number: int,
) -> ObjectId:
    """Add a class with the sessions, the student's records and the columns of all years."""
    class_id = ObjectId()
    students = [pupil, *(ObjectId() for _ in range(ROLL - 1))]
    stamps = {"createdAt": BEGAN, "updatedAt": BEGAN}
    name = f"Bench {secrets.token_hex(4)}"
    people = {"teacherId": teacher, "studentsIds": students, "rollVersion": 0}
    room = {"_id": class_id, "className": name, "nameKey": name.lower(), **people, **stamps}
    database.classes.insert_one(room)
    database.register_index.insert_one({"_id": class_id, "students": students, "codes": CODES})
    positions = Positions(students, CODES)
    sessions, records, columns = [], [], []
    for day in range(YEARS * SESSIONS):
        session, at = ObjectId(), BEGAN + timedelta(days=day, minutes=number)
        told = {"_id": session, "classId": class_id, "date": f"{at:%Y-%m-%d}", "startedAt": at}
        statuses = {
            one: CODES[(place * 7 + day + number) % 11 == 0] for place, one in enumerate(students)
        }
        ended = {"teacherId": teacher, "state": "closed", "outcome": "closed", "endedAt": at}
        live = {"slot": str(class_id), "seq": day + 1, "rollVersion": 0, "attendance": {}}
        sessions.append({**told, **ended, **live})
        of = {"sessionId": session, "classId": class_id, "markedAt": at, "markedBy": teacher}
        own = {"studentId": pupil, "status": statuses[pupil], "seq": day, "v": 1}
        records.append({**own, **of, **stamps})
        columns.append({**told, "cells": positions.cells(statuses, ()), "n": 1, "pending": []})
    database.sessions.insert_many(sessions)
    database.attendance.insert_many(records)
    database.register_columns.insert_many(columns)
    return class_id


def main() -> None:
    """Start a server with a database of its own, measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30, help="timed reads of each kind")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as name, EmbeddedMongo(Path(name) / "data") as mongo:
            secret = secrets.token_hex(32)
            with running(ours(1), mongo.uri, secret, Path(name)) as server:
                print(student(server, replace(Plan(), registers=options.rounds)))
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
