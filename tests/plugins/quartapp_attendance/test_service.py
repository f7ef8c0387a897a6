"""Refusals of the service to plugins, which call it without routes and events."""

from __future__ import annotations

import pytest

from quartapp.parts import core
from quartapp_attendance import (
    AttendanceService,
    Mark,
    UnknownAudienceError,
    UnknownStatusError,
)
from quartapp_classes import ClassNameError, ClassService


async def live_session(server, maths):
    await maths.start()
    service = core(server.app).services.get(AttendanceService)
    principal = core(server.app).tokens.verify(maths.teacher.token)
    return service, await service.session_for(principal, None)


async def test_unknown_status_is_never_stored(server, lesson):
    maths = await lesson(server, students=1)
    service, session = await live_session(server, maths)
    with pytest.raises(UnknownStatusError):
        await service.mark(session, Mark(maths.students[0].id, "asleep", maths.teacher.id))
    assert (await maths.session())["attendance"] == {}


async def test_unknown_audience_is_shown_nothing(server, lesson):
    maths = await lesson(server)
    service, session = await live_session(server, maths)
    with pytest.raises(UnknownAudienceError, match="parents"):
        await service.show(session, "NEWS", {}, to="parents")


@pytest.mark.parametrize("name", ["", " maths", "maths\n", "m" * 101])
async def test_class_never_gets_a_name_that_routes_refuse(server, name):
    teacher = await server.person("teacher")
    service = core(server.app).services.get(ClassService)
    principal = core(server.app).tokens.verify(teacher.token)
    made = await service.create(principal, "maths")
    with pytest.raises(ClassNameError):
        await service.create(principal, name)
    with pytest.raises(ClassNameError):
        await service.rename(str(made.id), principal, name)
