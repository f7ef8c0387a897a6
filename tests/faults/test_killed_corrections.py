"""Servers that are killed in bursts of corrections: what was acknowledged is in the history."""

from __future__ import annotations

import asyncio
import random
import time

import httpx
import pytest
from bson import ObjectId

from quartapp import core
from quartapp.testing import Client
from quartapp_records import Columns, Registers, SessionRecords
from quartapp_records.columns import is_fresh
from quartapp_reports.assessing import Assessing
from quartapp_reports.warning_rules import ABSENCES_IN_A_ROW

KILLS = 200
SMOKE_KILLS = 5
STUDENTS = 8
CLIENTS = 4
# A burst is hit after this number of acknowledged corrections, or fewer.
MOST_BEFORE_KILL = 40


class Correcting:
    """A client that corrects the records of a session, one after another, until its server dies."""

    def __init__(self, session, students, acknowledged, enough, chance):
        self.session, self.students = session, students
        self.acknowledged, self.enough, self.chance = acknowledged, enough, chance

    async def go_on(self, client, headers):
        path = f"/session/{self.session}/attendance"
        try:
            while True:
                student = self.chance.choice(self.students)
                read = await client.api.get(f"{path}/{student}", headers=headers)
                if read.status_code != 200:
                    continue  # the server is about to die
                v = read.json()["data"]["v"]
                status = self.chance.choice(("present", "absent"))
                reason = f"{time.time_ns()}"
                answer = await client.api.patch(
                    f"{path}/{student}",
                    json={"status": status, "v": v, "reason": reason},
                    headers=headers,
                )
                if answer.status_code == 200:
                    self.acknowledged.append((student, v + 1, status, reason))
                    self.enough()
                else:
                    assert answer.status_code in (409, 503), answer.text
        except httpx.HTTPError:
            return


async def kept(documents, session):
    """Return every entry of every history of a session."""
    found = {}
    async for record in documents["attendance"].find({"sessionId": session}):
        for entry in record.get("history", []):
            found[str(record["studentId"]), entry["v"]] = (entry["to"], entry["reason"])
    async for entry in documents["attendance_history"].find({"sessionId": session}):
        found[str(entry["studentId"]), entry["v"]] = (entry["to"], entry["reason"])
    return found


@pytest.mark.parametrize("kills", [pytest.param(SMOKE_KILLS, marks=pytest.mark.smoke), KILLS])
async def test_no_acknowledged_correction_is_lost_and_no_column_or_warning_is_wrong(
    serve_process, serve, lesson, mongodb_uri, figures, monkeypatch, kills
):
    figures["seed"] = seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311 - which moment, not which secret
    # One absence is enough for a warning, so that nearly each correction raises or withdraws one.
    monkeypatch.setenv("QUARTAPP_REPORTS_WARN_ABSENCES", "1")
    process = await serve_process(MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32)
    maths = await lesson(process.client, students=STUDENTS)
    await maths.start()
    teacher = await process.client.socket(maths.teacher)
    await teacher.ask("DONE")
    await teacher.close()
    headers = maths.teacher.headers
    listed = await process.client.api.get(f"/class/{maths.class_id}/sessions", headers=headers)
    session = listed.json()["data"][0]["_id"]
    students, acknowledged = [student.id for student in maths.students], []
    for _ in range(kills):
        wanted, reached = len(acknowledged) + chance.randint(1, MOST_BEFORE_KILL), asyncio.Event()

        def enough(wanted=wanted, reached=reached):
            if len(acknowledged) >= wanted:
                reached.set()

        correcting = Correcting(session, students, acknowledged, enough, chance)
        client = Client(process.client.url)
        clients = [asyncio.create_task(correcting.go_on(client, headers)) for _ in range(CLIENTS)]
        async with asyncio.timeout(300):
            await reached.wait()
        await process.kill()
        await asyncio.gather(*clients)
        await client.close()
        await process.start()
    assert await process.terminate() == 0

    server = await serve(mongodb_uri=mongodb_uri)
    key, documents = ObjectId(session), server.documents
    entries = await kept(documents, key)
    for student, v, status, reason in acknowledged:
        assert entries[student, v] == (status, reason)
    async for record in documents["attendance"].find({"sessionId": key}):
        student = str(record["studentId"])
        assert {v for one, v in entries if one == student} == set(range(1, record["v"] + 1))
        assert entries[student, record["v"]][0] == record["status"]
    figures["acknowledged"] = len(acknowledged)
    await same_warnings(server, maths.class_id, key)
    await same_columns(server, maths.class_id, key)


async def same_warnings(server, class_id, session):
    await core(server.app).services.get(Assessing).catch_up()
    stored = await server.documents["attendance_warnings"].find_one({"_id": ObjectId(class_id)})
    records = server.documents["attendance"].find({"sessionId": session, "status": "absent"})
    assert {one["studentId"] for one in stored["open"] if one["warning"] == ABSENCES_IN_A_ROW} == {
        record["studentId"] async for record in records
    }


async def same_columns(server, class_id, session):
    services = core(server.app).services
    before = await server.documents["register_columns"].find_one({"_id": session})
    read = await services.get(Registers).read(ObjectId(class_id), "0001-01-01", "9999-12-31")
    found = server.documents["attendance"].find({"sessionId": session})
    assert {student: list(row) for student, row in read.rows.items()} == {
        record["studentId"]: [record["status"]] async for record in found
    }
    document = await services.get(SessionRecords).get(str(session))
    assert await services.get(Columns).build(document)
    built = await server.documents["register_columns"].find_one({"_id": session})
    if is_fresh(before):
        assert before["cells"] == built["cells"]
