"""Notices of absence: who gets which mail on a day, and that nobody gets one twice."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import core
from quartapp_classes.testing import class_room
from quartapp_guardians import NoticeDropped, NoticeSent
from quartapp_guardians.notices import Notices
from tests.plugins.quartapp_guardians.conftest import MARY, TODAY, WALTER
from tests.support.listener import Listener


async def states(here):
    return [(one["state"], one["why"]) for one in await here.notices()]


async def test_each_guardian_gets_one_mail_of_the_day_in_their_language(office, lesson):
    listener = Listener(NoticeSent, NoticeDropped)
    here = await office(notices=True, school="Lovelace School", beside=[listener])
    maths = await lesson(here.server, 2)
    student, mate = maths.students
    other = await here.server.person("teacher")
    history = await class_room(here.server, other, [student])
    names = [room["className"] for room in (maths.class_room, history)]
    await here.add(mate, email="mate@home.example")
    mary, walter = await here.add(student), await here.add(student, **WALTER)
    held = await here.hold(maths, s1="present")
    body = {"date": TODAY, "records": [{"studentId": student.id, "status": "absent"}]}
    added = (await here.done("POST", f"/class/{history['_id']}/sessions", body, by=other))["_id"]
    await here.look()
    await here.settled(2)

    english, german = sorted(here.told)
    assert english == (
        "mary@home.example",
        f"""\
Dear Mary Hopper,

{student.name} was marked absent on 4 January 2100:

* {names[0]}, at 23:50
* {names[1]}

If you know of this absence, you need do nothing but tell the school
the reason, unless you have done so. If you do not, please call the school.

Lovelace School
""",
    )
    assert german[0] == "walter@home.example"
    assert f"{student.name} hat am 04.01.2100 gefehlt:" in german[1]
    assert f"* {names[0]}, um 23:50\n* {names[1]}\n" in german[1]
    mails = {mail.recipients[0]: mail.message for mail in here.mail_server.mails}
    letter = mails["mary@home.example"]
    assert str(letter["Subject"]) == f"{student.name} was absent on 4 January 2100"
    assert (letter["Content-Language"], letter["Auto-Submitted"]) == ("en", "auto-generated")
    assert letter["To"].addresses[0].display_name == "Mary Hopper"
    assert mails["walter@home.example"]["Content-Language"] == "de"

    told = await here.notices()
    assert {(one["guardianId"], one["to"]) for one in told} == {
        (mary["_id"], "mary@home.example"), (walter["_id"], "walter@home.example")
    }  # fmt: skip
    for one in told:
        assert (one["state"], one["why"], one["date"]) == ("sent", None, TODAY)
        assert (one["studentId"], one["studentName"]) == (student.id, student.name)
        assert one["sessions"] == [held, added]
        assert one["endedAt"] is not None
    assert await here.notices(studentId=mate.id) == []
    assert await here.notices(date="2100-01-05") == []
    assert await here.notices(limit=1) == told[:1]
    assert await here.notices(after=told[0]["_id"]) == told[1:]
    await here.server.settled()
    assert sorted(one.guardian_id for one in listener.told) == sorted([mary["_id"], walter["_id"]])

    # A further absence of the day, and a new address, are no reason for a second mail.
    await here.added(maths, "absent", "present")
    await here.done("PUT", here.path(student, mary["_id"]), {**MARY, "email": "new@home.example"})
    await here.look()
    await here.settled(2)
    assert await here.notices() == told


async def test_the_server_looks_by_itself_and_not_before_its_time(office, lesson):
    here = await office(notices=True, notice_from="23:53", notice_minutes=1)
    maths = await lesson(here.server, 1)
    await here.add(*maths.students)
    session = await here.hold(maths)
    await here.clock.advance(120)
    await here.look()
    assert await here.notices() == []

    async def sent():
        return bool(here.mail_server.mails)

    await here.until(sent, step=10.0)
    await here.settled(1)
    (notice,) = await here.notices()
    assert (notice["sessions"], notice["orderedAt"] >= "2100-01-04T23:53") == ([session], True)


async def test_an_absence_within_the_minutes_for_corrections_is_not_told(office, lesson):
    here = await office(notices=True, notice_minutes=5)
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    await here.add(student)
    session = await here.hold(maths)
    await here.clock.advance(4 * 60)
    await here.look()
    assert await here.notices() == []
    await here.correct(session, student, "present", 1, by=maths.teacher)
    await here.clock.advance(2 * 60)
    await here.look()
    assert await here.notices() == []
    await here.settled(0)


async def test_an_absence_that_is_corrected_before_the_mail_is_sent_is_not_told(office, lesson):
    listener = Listener(NoticeSent, NoticeDropped)
    here = await office(notices=True, beside=[listener])
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    await here.add(student)
    session = await here.hold(maths)
    here.mail_server.answers["HELLO"].append("421 too many connections")
    await here.look()
    await here.failed_once()
    await here.correct(session, student, "present", 1, by=maths.teacher)
    await here.settled(0)
    assert await states(here) == [("dropped", "corrected")]
    await here.server.settled()
    assert [one.why for one in listener.told] == ["corrected"]
    # The day has had no mail, so an absence later in the day is told.
    later = await here.added(maths, "absent")
    await here.look()
    await here.settled(1)
    assert await states(here) == [("dropped", "corrected"), ("sent", None)]
    assert (await here.notices())[1]["sessions"] == [later]


async def test_what_the_office_has_entered_and_what_is_no_absence_is_not_told(office, lesson):
    here = await office(notices=True)
    maths = await lesson(here.server, 3)
    sick, there, away = maths.students
    for student in maths.students:
        await here.add(student)
    await here.hold(maths, s1="present")
    await here.enter(sick)
    await here.look()
    await here.settled(1)
    assert [one["studentId"] for one in await here.notices()] == [away.id]
    assert there.name not in here.told[0][1]


async def test_nothing_is_sent_unless_the_setting_says_so(office, lesson):
    here = await office()
    maths = await lesson(here.server, 1)
    await here.add(*maths.students)
    await here.hold(maths)
    await here.clock.advance(120)
    assert await here.notices() == []
    assert not [one for one in core(here.server.app).tasks.declared if "guardians" in one.name]
    told = (await here.server.api.get("/capabilities")).json()
    assert told["data"]["features"]["guardians"] == {"notices": False}


async def test_servers_that_look_at_once_order_one_notice(office, serve, lesson):
    here = await office(notices=True)
    more = {"extra_plugins": ("mail", "guardians"), "clock": here.clock, "timezone": "UTC"}
    servers = [here.server, await serve(**more), await serve(**more)]
    maths = await lesson(here.server, 4)
    for student in maths.students:
        await here.add(student)
        await here.add(student, **WALTER)
    await here.hold(maths)
    everybody = [core(server.app).services.get(Notices) for server in servers]
    await asyncio.gather(*(notices.order_due() for notices in everybody for _ in range(3)))
    await here.settled(8)
    assert await states(here) == [("sent", None)] * 8
    audit = here.server.documents["audit"]
    for action in ("ordered", "sent"):
        query = {"action": f"guardians.notice-{action}"}
        assert await audit.count_documents(query) == 8, action
    kept = str(await audit.find({"action": {"$regex": "^guardians"}}).to_list()).lower()
    assert [word for word in ("mary", "walter", "home.example") if word in kept] == []


async def test_a_notice_of_yesterday_is_not_sent(office, lesson):
    here = await office(notices=True)
    maths = await lesson(here.server, 1)
    await here.add(*maths.students)
    await here.hold(maths)
    here.mail_server.answers["HELLO"].extend(["421 too many connections"] * 1000)
    await here.look()
    await here.failed_once()
    await here.clock.advance(11 * 60)
    await here.settled(0)
    dropped = await here.notices(date=TODAY)
    assert [(one["state"], one["why"]) for one in dropped] == [("dropped", "day is over")]


async def test_a_guardian_who_is_removed_gets_nothing_and_leaves_no_address(office, lesson):
    here = await office(notices=True)
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    mary = await here.add(student)
    await here.hold(maths)
    await here.look()
    await here.settled(1)
    assert [one["to"] for one in await here.notices()] == ["mary@home.example"]
    await here.done("DELETE", here.path(student, mary["_id"]))
    assert [(one["to"], one["state"]) for one in await here.notices()] == [(None, "sent")]

    walter = await here.add(student, **WALTER)
    here.mail_server.answers["HELLO"].append("421 too many connections")
    await here.look()
    await here.failed_once()
    await here.done("DELETE", here.path(student, walter["_id"]))
    await here.settled(1)
    assert await states(here) == [("sent", None), ("dropped", "guardian was removed")]


async def test_a_notice_that_no_server_takes_is_known_and_can_be_tried_again(office, lesson):
    here = await office(notices=True)
    maths = await lesson(here.server, 1)
    await here.add(*maths.students)
    await here.hold(maths)
    here.mail_server.answers["RCPT"].append("550 <mary@home.example>: unknown")
    await here.look()
    await here.settled(0)
    ((state, why),) = await states(here)
    assert (state, "mary" in why, "550" in why) == ("failed", False, True)
    await here.look()
    assert len(await here.notices()) == 1
    outbox = core(here.server.app).outbox
    assert await outbox.store.retry({"plugin": "guardians"}) == 1
    outbox.look()
    await here.settled(1)
    assert await states(here) == [("sent", None)]


@pytest.mark.parametrize("command", [".", "HELLO"])
async def test_a_mail_whose_receipt_is_lost_comes_again_with_the_same_id(office, lesson, command):
    here = await office(notices=True)
    maths = await lesson(here.server, 1)
    await here.add(*maths.students)
    await here.hold(maths)
    here.mail_server.answers[command].append(None)
    await here.look()
    await here.failed_once()
    taken = 2 if command == "." else 1
    await here.settled(taken)
    assert len({str(mail.message["Message-ID"]) for mail in here.mail_server.mails}) == 1
    assert await states(here) == [("sent", None)]


async def test_a_student_reads_what_is_kept_of_them(office, lesson):
    here = await office(notices=True)
    maths = await lesson(here.server, 2)
    student, mate = maths.students
    await here.add(student)
    await here.add(mate, **WALTER)
    await here.hold(maths, s1="present")
    await here.look()
    await here.settled(1)
    told = (await here.done("GET", "/me/export", by=student))["kept"]["guardians"]
    assert [one["email"] for one in told["guardians"]] == ["mary@home.example"]
    assert [one["to"] for one in told["notices"]] == ["mary@home.example"]
    assert "walter" not in str(told)

    counted = {"guardians": 1, "notices": 1}
    for dry in (True, False):
        path = f"/admin/people/{student.id}/erase"
        erased = await here.done("POST", path, {"dryRun": dry})
        assert erased["erased"]["guardians"] == counted
    assert await here.notices() == []
    assert await here.server.documents["guardians"].count_documents({}) == 1
