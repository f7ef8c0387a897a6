"""The time to find the classes that meet on a day and have no session of it.

The script starts a server with an embedded MongoDB in a new folder. Each class meets on the day and
on four others; nine of ten have a session of the day, and all have had one on each of the days
before. The plain way asks the database for the sessions of each class, one class after another. The
processor time of the server does not depend on other work on the machine, as the times do.

``python bench/not_taken.py --classes 5000 50000 --tries 50``
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

# A script's own folder comes first on the path, where http.py would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import pymongo  # noqa: E402
from bson import ObjectId  # noqa: E402

from bench.client import BenchError  # noqa: E402
from bench.servers import ours, running  # noqa: E402
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.database import Database

    Documents = Database[dict[str, Any]]  # Any: documents of several kinds

DAY = date(2026, 3, 11)  # a Wednesday
WARM_UP = 5
PER_WRITE = 10_000
PLAIN_TRIES = 3


def fill(database: Documents, classes: int) -> None:
    """Store classes with their meetings and sessions.

    Args:
        database: The database of the server.
        classes: Number of classes.
    """
    teacher = ObjectId()
    keys = [ObjectId() for _ in range(classes)]
    for first in range(0, classes, PER_WRITE):
        some = list(enumerate(keys[first : first + PER_WRITE], first))
        database.classes.insert_many(
            {
                "_id": key,
                "className": f"class {number}",
                "nameKey": f"class {number}",
                "teacherId": teacher,
                "studentsIds": [],
                "rollVersion": 0,
            }
            for number, key in some
        )
        database.calendar_meetings.insert_many(
            {"classId": key, "weekday": weekday, "from": "09:45", "to": "11:15", "room": None}
            for _, key in some
            for weekday in range(1, 6)
        )
        database.sessions.insert_many(
            {"classId": key, "date": day.isoformat(), "state": "closed", "slot": str(key), "seq": 1}
            for number, key in some
            for day in (DAY - timedelta(days=back) for back in range(5))
            if day != DAY or number % 10
        )


def plainly(database: Documents) -> Iterator[dict[str, Any]]:
    """Yield the classes without a session, found one class after another.

    Args:
        database: The database of the server.
    """
    for room in database.classes.find({}, {"className": 1}).sort("_id"):
        meets = {"classId": room["_id"], "weekday": DAY.isoweekday()}
        held = {"classId": room["_id"], "date": DAY.isoformat()}
        if database.calendar_meetings.find_one(meets) and not database.sessions.find_one(held):
            yield room


def measure(classes: int, tries: int) -> dict[str, float]:
    """Return medians of pages of 100 and of 500 and of the plain way, in milliseconds.

    Args:
        classes: Number of classes.
        tries: Number of requests for each kind of page.

    Raises:
        BenchError: Both ways do not find the same classes.
    """
    figures: dict[str, float] = {}
    client: pymongo.MongoClient[dict[str, Any]]
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedMongo(Path(name) / "data") as mongo,
        running(ours(1), mongo.uri, secrets.token_hex(32), Path(name)) as server,
        pymongo.MongoClient(mongo.uri) as client,
    ):
        database = client[server.seeder.database]
        fill(database, classes)
        admin = server.seeder.administrator()
        found: list[dict[str, Any]] = []
        for limit in (100, 500):
            path = f"/attendance/not-taken?date={DAY}&limit={limit}"
            taken = []
            used = 0.0
            for number in range(WARM_UP + tries):
                used = server.cpu_seconds() if number == WARM_UP else used
                began = time.perf_counter()
                found = server.api.call("GET", path, admin.token)["data"]
                if number >= WARM_UP:
                    taken.append((time.perf_counter() - began) * 1000)
            used = server.cpu_seconds() - used
            figures[f"page_of_{limit}_ms"] = round(median(taken), 1)
            figures[f"page_of_{limit}_cpu_ms"] = round(used * 1000 / tries, 1)
        plain = []
        for _ in range(PLAIN_TRIES):
            began = time.perf_counter()
            rooms = [str(room["_id"]) for room in plainly(database)]
            plain.append((time.perf_counter() - began) * 1000)
            if rooms[:500] != [one["classId"] for one in found]:
                raise BenchError("the plain way finds other classes")
        figures["plain_ms"] = round(median(plain), 1)
    return figures


def main() -> None:
    """Measure, and print a line for each number of classes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--classes", type=int, nargs="+", default=[5000, 50_000])
    parser.add_argument("--tries", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        found = {count: measure(count, options.tries) for count in options.classes}
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")
    if options.json:
        print(json.dumps(found))
        return
    for count, figures in found.items():
        print(f"{count} classes: {figures}")


if __name__ == "__main__":
    main()
