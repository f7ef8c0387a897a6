"""The register of a class: columns beside the plain way, which reads one document for each record.

A class has 500 students and 200 sessions, 100,000 records in all; then the database has ten such
classes. Both ways run in this process on one idle connection, and give the same rows. The answer of
the route, with names and as JSON, is timed beside.

``python bench/register.py --rounds 30``
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

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.servers import Server

STUDENTS, SESSIONS, CLASSES = 500, 200, 10
FIRST, LAST = "2026-01-01", "2026-12-31"
BEGAN = datetime(2026, 1, 1, 10, tzinfo=UTC)
WARM_UP = 3
TIMEOUT_SECONDS = 60.0

Rows = dict[ObjectId, list[str | None]]


def register(server: Server, plan: Plan) -> Figures:
    """Measure the register of one class, alone and among ten of its size.

    Args:
        server: A server of ours.
        plan: Amount of measurement.

    Raises:
        BenchError: The two ways give different rows.
    """
    seeder, rounds = server.seeder, plan.registers
    teacher = seeder.people(0, str)
    with pymongo.MongoClient[dict[str, Any]](seeder.uri) as client:
        database = client[seeder.database]
        wanted = _add(database, teacher.id)
        found = asyncio.run(_measured(seeder.uri, seeder.database, wanted, rounds, "one"))
        found["register_route"] = _timed_route(server, wanted, teacher.token, rounds)
        for _ in range(CLASSES - 1):
            _add(database, teacher.id)
    found |= asyncio.run(_measured(seeder.uri, seeder.database, wanted, rounds, "ten"))
    return Figures(found)


async def _measured(
    uri: str, name: str, class_id: ObjectId, rounds: int, size: str
) -> dict[str, float]:
    database = Database(uri, name, TIMEOUT_SECONDS, Clock())
    await database.open(prepare=False)
    try:
        # All columns are fresh, so that nothing is built.
        registers = Registers(database, None)  # type: ignore[arg-type]

        async def by_columns() -> Rows:
            read = await registers.read(class_id, FIRST, LAST)
            return {student: list(row) for student, row in read.rows.items()}

        async def plainly() -> Rows:
            return await _plain(database, class_id)

        if await by_columns() != await plainly():
            raise BenchError("a register by columns has other rows than one by records")
        return {
            f"register_{size}": await _timed(by_columns, rounds),
            f"register_plain_{size}": await _timed(plainly, max(rounds // 5, 1)),
        }
    finally:
        await database.close()


async def _plain(database: Database, class_id: ObjectId) -> Rows:
    documents = database.documents
    ended = {"classId": class_id, "date": {"$gte": FIRST, "$lte": LAST}}
    order = [("date", 1), ("startedAt", 1), ("_id", 1)]
    sessions = await documents["sessions"].find(ended, {"_id": 1}).sort(order).to_list()
    places = {session["_id"]: place for place, session in enumerate(sessions)}
    rows: Rows = {}
    fields = {"_id": 0, "sessionId": 1, "studentId": 1, "status": 1}
    query = {"sessionId": {"$in": list(places)}}
    async for record in documents["attendance"].find(query, fields):
        row = rows.setdefault(record["studentId"], [None] * len(places))
        row[places[record["sessionId"]]] = record["status"]
    return rows


async def _timed(read: Callable[[], Awaitable[Rows]], rounds: int) -> float:
    taken = []
    for number in range(WARM_UP + rounds):
        began = time.perf_counter()
        await read()
        if number >= WARM_UP:
            taken.append((time.perf_counter() - began) * 1000)
    return round(median(taken), 1)


def _timed_route(server: Server, class_id: ObjectId, token: str, rounds: int) -> float:
    path, taken = f"/class/{class_id}/register?from={FIRST}&to={LAST}", []
    for _ in range(rounds):
        began = time.perf_counter()
        server.api.ask(path, token)
        taken.append((time.perf_counter() - began) * 1000)
    return round(median(taken), 1)


def _add(database: pymongo.database.Database[dict[str, Any]], teacher_id: str) -> ObjectId:
    """Add a class with its sessions, records and columns; return its ``_id``."""
    class_id, teacher = ObjectId(), ObjectId(teacher_id)
    students = [ObjectId() for _ in range(STUDENTS)]
    stamps = {"createdAt": BEGAN, "updatedAt": BEGAN}
    name = f"Bench {secrets.token_hex(4)}"
    people = {"teacherId": teacher, "studentsIds": students, "rollVersion": 0}
    room = {"_id": class_id, "className": name, "nameKey": name.lower(), **people, **stamps}
    database.classes.insert_one(room)
    index = {"_id": class_id, "students": students, "codes": ["present", "absent"]}
    database.register_index.insert_one(index)
    positions = Positions(students, index["codes"])
    for number in range(SESSIONS):
        session_id, at = ObjectId(), BEGAN + timedelta(days=number)
        date = f"{at:%Y-%m-%d}"
        statuses = {
            student: "absent" if (place * 7 + number) % 11 == 0 else "present"
            for place, student in enumerate(students)
        }
        marks = {
            str(student): {"status": status, "at": at, "by": teacher}
            for student, status in statuses.items()
        }
        database.sessions.insert_one(
            {
                "_id": session_id,
                "classId": class_id,
                "teacherId": teacher,
                "slot": str(class_id),
                "state": "closed",
                "outcome": "closed",
                "seq": number + 1,
                "startedAt": at,
                "endedAt": at,
                "date": date,
                "rollVersion": 0,
                "attendance": marks,
            }
        )
        database.attendance.insert_many(
            {
                "sessionId": session_id,
                "classId": class_id,
                "studentId": student,
                "status": status,
                "markedAt": at,
                "markedBy": teacher,
                "seq": number,
                "v": 1,
                **stamps,
            }
            for student, status in statuses.items()
        )
        cells = positions.cells(statuses, ())
        column = {"_id": session_id, "classId": class_id, "date": date, "cells": cells}
        column["startedAt"] = at
        database.register_columns.insert_one({**column, "n": 1, "pending": []})
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
                print(register(server, replace(Plan(), registers=options.rounds)))
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
