"""Warnings are raised once, kept while they hold, and withdrawn then."""

from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from quartapp import QuartappError, core, hookimpl
from quartapp_records.plugin import BUILD_SECONDS
from quartapp_reports import WarningRaised, WarningWithdrawn
from quartapp_reports.assessing import PAUSE_SECONDS, Assessing
from quartapp_reports.plugin import CATCH_UP_SECONDS

LOW, ROW = "low-percentage", "absences-in-a-row"
KINDS = (WarningRaised, WarningWithdrawn)


class Heard:
    """A plugin that notes what it is told of warnings."""

    name = "heard"
    requires = ("reports",)
    hears = KINDS

    def __init__(self):
        self.events = []

    @hookimpl
    async def on_event(self, event):
        self.events.append(event)

    def of(self, kind):
        return [(one.student_id, one.warning) for one in self.events if type(one) is kind]


class Deaf:
    """A plugin by which a process is as good as dead: once asleep, it lets no event through."""

    name = "deaf"
    requires = ("classes",)

    def __init__(self):
        self.is_asleep, self.sleeps = False, asyncio.Event()
        self.forever = asyncio.Event()

    @hookimpl
    async def on_event(self):
        if self.is_asleep:
            self.sleeps.set()
            await self.forever.wait()

    async def fall_asleep(self, school):
        """Fall asleep over an event that concerns nobody, so that no later one is told."""
        await school.server.settled()
        self.is_asleep = True
        body = {"className": f"{school.class_id} renamed"}
        path = f"/class/{school.class_id}"
        renamed = await school.ask(school.teacher, "PATCH", path, body)
        assert renamed.is_success, renamed.text
        await self.sleeps.wait()


def clock_of(school):
    return core(school.server.app).clock


async def warnings_of(school):
    path = f"/class/{school.class_id}/warnings"
    found = await school.ask(school.teacher, "GET", path)
    assert found.status_code == 200, found.text
    return found.json()["data"]["warnings"]


async def correct(school, session, status, v):
    path = f"/session/{session}/attendance/{school.students[0].id}"
    body = {"status": status, "v": v, "reason": "Looked again"}
    answer = await school.ask(school.admin, "PATCH", path, body)
    assert answer.status_code == 200, answer.text


async def sessions(school):
    listed = await school.ask(school.admin, "GET", f"/class/{school.class_id}/sessions")
    return [one["_id"] for one in listed.json()["data"]]


@pytest.fixture
def told(eventually):
    """Return a function that waits until a class has just these warnings of its first student."""

    async def wait(school, *names):
        async def as_wanted():
            # Assessments of one burst are a pause apart.
            await clock_of(school).advance(PAUSE_SECONDS)
            return [one["warning"] for one in await warnings_of(school)] == list(names)

        await eventually(as_wanted)

    return wait


async def test_a_warning_is_raised_once_and_withdrawn_when_it_holds_no_longer(school, told):
    heard = Heard()
    maths = await school(beside=[heard])
    (ada,) = maths.students
    for _ in range(2):
        await maths.enter("absent")
    await told(maths)
    await maths.enter("absent")
    await told(maths, ROW)
    (one,) = await warnings_of(maths)
    raised_at = one["raisedAt"]
    assert (one["studentId"], raised_at[:16]) == (ada.id, "2026-03-09T12:00")
    for _ in range(2):
        await maths.enter("absent")
    await told(maths, LOW, ROW)
    assert {one["warning"]: one["raisedAt"] for one in await warnings_of(maths)}[ROW] == raised_at
    await maths.enter("present")
    await told(maths, LOW)
    await maths.server.settled()
    assert heard.of(WarningRaised) == [(ada.id, ROW), (ada.id, LOW)]
    assert heard.of(WarningWithdrawn) == [(ada.id, ROW)]


async def test_a_correction_raises_and_withdraws(school, told):
    heard = Heard()
    maths = await school(beside=[heard])
    for status in ("absent", "present", "absent"):
        await maths.enter(status)
    second = (await sessions(maths))[1]
    await correct(maths, second, "absent", 1)
    await told(maths, ROW)
    await correct(maths, second, "present", 2)
    await told(maths)
    await maths.server.settled()
    ada = maths.students[0].id
    assert [(type(one), one.student_id, one.warning) for one in heard.events] == [
        (WarningRaised, ada, ROW),
        (WarningWithdrawn, ada, ROW),
    ]


async def test_a_live_roll_call_raises_when_it_is_done(serve, lesson, mark, eventually):
    heard = Heard()
    server = await serve(beside=[heard])
    maths = await lesson(server, students=2)
    for _ in range(3):
        await maths.start()
        socket = await server.socket(maths.teacher)
        await socket.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
        await socket.ask("DONE")
        await socket.close()

    async def raised():
        return heard.of(WarningRaised)

    assert await eventually(raised) == [(maths.students[1].id, ROW)]


async def test_whoever_leaves_the_class_has_no_warning_left(school, told):
    heard = Heard()
    maths = await school(beside=[heard])
    for _ in range(3):
        await maths.enter("absent")
    await told(maths, ROW)
    ada = maths.students[0]
    path = f"/class/{maths.class_id}/students/{ada.id}"
    left = await maths.ask(maths.teacher, "DELETE", path)
    assert left.is_success, left.text
    await told(maths)
    await maths.server.settled()
    assert heard.of(WarningWithdrawn) == [(ada.id, ROW)]


async def test_the_report_tells_when_each_of_its_warnings_was_raised(school, told):
    maths = await school()
    for _ in range(3):
        await maths.enter("absent")
    await told(maths, ROW)
    (one,) = await warnings_of(maths)
    expected = [{"warning": ROW, "raisedAt": one["raisedAt"]}]
    assert await maths.of("warnings", "raised") == [([ROW], expected)]


async def test_only_teachers_of_the_class_and_administrators_read_warnings(school):
    maths = await school()
    path = f"/class/{maths.class_id}/warnings"
    stranger = await maths.server.person("teacher")
    asked = [
        (await maths.ask(who, "GET", path)).status_code
        for who in (maths.teacher, maths.admin, stranger, maths.students[0])
    ]
    assert asked == [200, 200, 403, 403]
    assert (await maths.ask(maths.admin, "GET", f"/class/{ObjectId()}/warnings")).status_code == 404


async def test_of_assessments_on_two_servers_at_once_one_raises(school, serve):
    heard = Heard()
    maths = await school(beside=[heard])
    other = await serve(beside=[heard], clock=clock_of(maths), timezone="UTC")
    room = ObjectId(maths.class_id)
    both = [core(one.app).services.get(Assessing) for one in (maths.server, other)]
    for _ in range(3):
        await maths.enter("absent")
    second = (await sessions(maths))[1]
    for v in range(1, 5):
        status = ("absent", "present")[v % 2]
        await asyncio.gather(
            correct(maths, second, status, v), *(one.assess(room) for one in both * 2)
        )
    await asyncio.gather(*(one.assess(room) for one in both * 2))
    for server in (maths.server, other):
        await server.settled()
    # The last correction says absent.
    assert [one["warning"] for one in await warnings_of(maths)] == [ROW]
    assert len(heard.of(WarningRaised)) - len(heard.of(WarningWithdrawn)) == 1
    await asyncio.gather(*(one.assess(room) for one in both * 2))
    await asyncio.gather(maths.server.settled(), other.settled())
    assert len(heard.of(WarningRaised)) - len(heard.of(WarningWithdrawn)) == 1


async def test_many_assessments_at_once_raise_one_warning_once(school, serve):
    deaf, heard = Deaf(), Heard()
    maths = await school(beside=[deaf])
    other = await serve(beside=[heard], clock=clock_of(maths), timezone="UTC")
    room = ObjectId(maths.class_id)
    assessing = core(other.app).services.get(Assessing)
    await deaf.fall_asleep(maths)
    try:
        for _ in range(3):
            await maths.enter("absent")
        assert all(await asyncio.gather(*(assessing.assess(room) for _ in range(8))))
        await other.settled()
        assert heard.of(WarningRaised) == [(maths.students[0].id, ROW)]
    finally:
        deaf.forever.set()


@pytest.fixture
async def dead(school):
    """A class whose server tells no plugin of anything, so that periodic tasks alone help."""
    deaf = Deaf()
    maths = await school(beside=[deaf])
    # A turn of the clock ends connections that are kept.
    maths.server.api.headers["Connection"] = "close"
    await deaf.fall_asleep(maths)
    yield maths
    deaf.forever.set()


async def raised(school):
    """Return the names of stored warnings."""
    stored = await school.server.documents["attendance_warnings"].find().to_list()
    return [one["warning"] for each in stored for one in each["open"]]


async def test_a_session_that_a_process_did_not_survive_is_caught_up_with(dead, eventually):
    for _ in range(3):
        await dead.enter("absent")
    assert await raised(dead) == []

    async def caught_up():
        await clock_of(dead).advance(BUILD_SECONDS)
        return await raised(dead)

    assert await eventually(caught_up) == [ROW]


async def test_a_correction_that_a_process_did_not_survive_is_caught_up_with(dead, eventually):
    columns = dead.server.documents["register_columns"]
    for status in ("absent", "present", "absent"):
        await dead.enter(status)
    second = (await sessions(dead))[1]

    async def read():
        await clock_of(dead).advance(BUILD_SECONDS)
        built = await columns.count_documents({"cells": {"$exists": True}})
        return built == 3 and await columns.count_documents({"unread": {"$exists": True}}) == 0

    await eventually(read)
    assert await raised(dead) == []
    await correct(dead, second, "absent", 1)
    assert await raised(dead) == []

    async def caught_up():
        await clock_of(dead).advance(CATCH_UP_SECONDS)
        return await raised(dead)

    assert await eventually(caught_up) == [ROW]


async def test_other_settings_assess_again_what_was_assessed(
    school, serve, eventually, monkeypatch
):
    maths = await school()
    for _ in range(2):
        await maths.enter("absent")
    assessing = core(maths.server.app).services.get(Assessing)
    assert await assessing.assess(ObjectId(maths.class_id))
    assert await warnings_of(maths) == []
    monkeypatch.setenv("QUARTAPP_REPORTS_WARN_ABSENCES", "2")
    other = await serve(clock=clock_of(maths), timezone="UTC")
    await core(other.app).services.get(Assessing).catch_up()
    assert [one["warning"] for one in await warnings_of(maths)] == [ROW]


async def test_what_a_command_has_left_is_assessed_by_a_server(school, told):
    deaf = Deaf()
    maths = await school(beside=[deaf])
    for _ in range(3):
        await maths.enter("absent")
    await told(maths, ROW)
    assessing = core(maths.server.app).services.get(Assessing)
    await deaf.fall_asleep(maths)
    try:
        path = f"/class/{maths.class_id}/students/{maths.students[0].id}"
        assert (await maths.ask(maths.teacher, "DELETE", path)).is_success
        # As a command does, of its own changes.
        await assessing.leave([maths.class_id])
        await assessing.catch_up()
        assert await warnings_of(maths) == []
    finally:
        deaf.forever.set()


async def test_warnings_are_exported_and_erased_with_a_person(school, told):
    maths = await school()
    for _ in range(3):
        await maths.enter("absent")
    await told(maths, ROW)
    ada = maths.students[0]
    exported = (await maths.ask(ada, "GET", "/me/export")).json()["data"]
    (kept,) = exported["kept"]["reports"]["warnings"]
    assert (kept["classId"], kept["warning"]) == (maths.class_id, ROW)
    erase = f"/admin/people/{ada.id}/erase"
    tried = await maths.ask(maths.admin, "POST", erase, {"dryRun": True})
    assert tried.json()["data"]["erased"]["reports"] == {"warnings": 1, "digests": 0}
    assert len(await warnings_of(maths)) == 1
    # Whoever is off the roll may lose the warning before the erasure comes to it.
    assert (await maths.ask(maths.admin, "POST", erase)).is_success
    await maths.server.settled()
    assert await core(maths.server.app).services.get(Assessing).assess(ObjectId(maths.class_id))
    stored = await maths.server.documents["attendance_warnings"].find().to_list()
    assert [one["open"] for one in stored] == [[]]


async def test_the_warnings_of_a_class_are_deleted_with_it(school, told):
    maths = await school()
    for _ in range(3):
        await maths.enter("absent")
    await told(maths, ROW)
    path = f"/class/{maths.class_id}?records=delete"
    gone = await maths.ask(maths.teacher, "DELETE", path)
    assert gone.is_success, gone.text
    await core(maths.server.app).services.get(Assessing).assess(ObjectId(maths.class_id))
    assert await maths.server.documents["attendance_warnings"].find().to_list() == []


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        ({ROW: len}, "the warning absences-in-a-row is taken"),
        ({"Often Late": len}, "must have small letters, digits and hyphens"),
        ({"luck": 7}, "must return a dict of functions"),
        ([len], "must return a dict of functions"),
    ],
)
async def test_register_warnings_with_something_else_is_refused(serve, brought, said):
    class Plugin:
        name = "odd"
        requires = ("reports",)

        @hookimpl
        def register_warnings(self):
            return brought

    with pytest.raises(QuartappError, match=f"plugin odd .*{said}"):
        await serve(beside=[Plugin])


async def test_a_rule_that_raises_takes_no_warning_and_no_report_away(school, told):
    class Moody:
        name = "moody"
        requires = ("reports",)
        is_broken = False

        def moody(self, seen):
            if self.is_broken:
                raise ValueError("not today")
            return seen.current_absence >= 1

        @hookimpl
        def register_warnings(self):
            return {"moody": self.moody}

    moody = Moody()
    maths = await school(beside=[moody])
    await maths.enter("absent")
    await told(maths, "moody")
    moody.is_broken = True
    for _ in range(2):
        await maths.enter("absent")
    await told(maths, ROW, "moody")
    assert await maths.of("warnings") == [([ROW],)]
    moody.is_broken = False
    await maths.enter("present")
    await told(maths)
