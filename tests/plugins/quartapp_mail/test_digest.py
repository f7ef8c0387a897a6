"""A mail a day to each teacher about warnings, through a mail server and the outbox."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from quartapp import core
from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room
from quartapp_reports.assessing import Assessing
from quartapp_reports.digests import Digests

# A minute before the hour: every timer of a server fires in the time that a test turns.
BEFORE = datetime(2026, 3, 9, 14, 59, 30, tzinfo=UTC)
HOUR = 15
SUBJECT = "Attendance warnings"


class School:
    """A class whose only student has been absent three times, on one server or two."""

    def __init__(self, servers, clock, admin, teacher, student, room):
        self.servers, self.clock = servers, clock
        self.admin, self.teacher, self.student = admin, teacher, student
        self.class_id, self.name = room["_id"], room["className"]

    async def absent(self, days):
        for day in days:
            body = {
                "date": (self.clock.now() - timedelta(days=day)).date().isoformat(),
                "records": [{"studentId": self.student.id, "status": "absent"}],
            }
            path = f"/class/{self.class_id}/sessions"
            made = await self.servers[0].api.post(path, json=body, headers=self.admin.headers)
            assert made.status_code == 201, made.text
        await self.servers[0].settled()
        await self.assess()

    async def assess(self):
        assessing = core(self.servers[0].app).services.get(Assessing)
        assert await assessing.assess(ObjectId(self.class_id))

    async def send(self, times=1):
        """Let each server think of the mails of the day, all at once."""
        digests = [core(server.app).services.get(Digests) for server in self.servers]
        await asyncio.gather(*(one.send() for one in digests * times))


@pytest.fixture
def school(sending, monkeypatch):
    monkeypatch.setenv("QUARTAPP_REPORTS_DIGEST_HOUR", str(HOUR))

    async def opened(servers=1):
        clock = TurnedClock(BEFORE)
        first, *others = [await sending(clock=clock, timezone="UTC") for _ in range(servers)]
        admin, student = await first.person("admin"), await first.person("student", name="Ada King")
        teacher = await first.person("teacher")
        room = await class_room(first, teacher, [student])
        return School([first, *others], clock, admin, teacher, student, room)

    return opened


async def orders(school):
    """Return the teachers with a digest, each with its day."""
    found = await school.servers[0].documents["warning_digests"].find().to_list()
    return {one["_id"]: one["day"] for one in found if one["_id"] != "everybody"}


async def test_a_teacher_is_mailed_what_was_raised_once_the_hour_has_come(school, arrived, settled):
    maths = await school()
    await maths.absent([2, 1, 0])
    await maths.send()
    assert await orders(maths) == {}
    await maths.clock.advance(60)
    await maths.send()
    mail = await arrived()
    assert mail.recipients == (maths.teacher.email,)
    assert mail.message["Subject"] == SUBJECT
    assert f"\n\n{maths.name}\n* Ada King: absences in a row\n" in mail.text
    await settled(maths.servers[0])


async def test_what_holds_no_longer_is_not_mailed(school, mail_server, settled):
    maths = await school()
    await maths.absent([2, 1, 0])
    path = f"/class/{maths.class_id}/students/{maths.student.id}"
    digests = core(maths.servers[0].app).services.get(Digests)
    since, until = "2026-03-08T00:00:00.000Z", "2026-03-10T00:00:00.000Z"
    data = {"day": "2026-03-09", "since": since, "until": until}
    assert await digests.write(maths.teacher.id, data) is not None
    left = await maths.servers[0].api.delete(path, headers=maths.admin.headers)
    assert left.is_success, left.text
    await maths.servers[0].settled()
    await maths.assess()
    assert await digests.write(maths.teacher.id, data) is None
    await maths.clock.advance(60)
    await maths.send()
    await settled(maths.servers[0])
    assert mail_server.mails == []


async def test_two_servers_make_one_order_a_day(school, arrived, settled, mail_server):
    maths = await school(servers=2)
    await maths.absent([2, 1, 0])
    await maths.clock.advance(60)
    await maths.send(times=3)
    await arrived()
    await settled(maths.servers[0])
    assert await orders(maths) == {maths.teacher.id: "2026-03-09"}
    assert len(mail_server.mails) == 1


async def test_the_next_day_tells_the_news_alone(school, sending, arrived, settled, mail_server):
    maths = await school()
    await maths.absent([2, 1, 0])
    await maths.clock.advance(60)
    await maths.send()
    await arrived()
    await settled(maths.servers[0])
    later = await sending(clock=TurnedClock(BEFORE + timedelta(days=1, minutes=1)), timezone="UTC")
    await core(later.app).services.get(Digests).send()
    everybody = await later.documents["warning_digests"].find_one({"_id": "everybody"})
    assert everybody["day"] == "2026-03-10"
    await settled(later)
    assert len(mail_server.mails) == 1
