"""Reports of classes, of sessions that people entered."""

from __future__ import annotations

import pytest

from quartapp import QuartappError, hookimpl


async def test_who_joins_at_the_third_session_has_no_absences_before(school):
    maths = await school()
    await maths.enter("present")
    await maths.enter("absent")
    await maths.join(await maths.server.person("student"))
    await maths.enter("absent", "present")
    assert await maths.of("taken", "percentage", "longestAbsence") == [(3, 33.3, 2), (1, 100, 0)]
    report = await maths.report()
    assert (report["rule"], report["sessions"]) == ("points", 3)
    assert (report["from"], report["to"]) == ("2025-03-10", "2026-03-09")


async def test_cancelled_sessions_and_sessions_of_other_days_do_not_count(school):
    maths = await school()
    for status in ("absent", "present"):
        await maths.enter(status)
    await maths.enter(cancelled=True)
    assert await maths.of("taken", "percentage") == [(2, 50)]
    assert (await maths.report())["sessions"] == 2
    assert await maths.of("taken", "percentage", query="?from=2026-03-03") == [(1, 100)]
    assert await maths.of("taken", "percentage", query="?to=2026-03-01") == [(0, None)]


async def test_late_is_worth_what_the_settings_say_and_excused_is_left_out(school):
    maths = await school(extra_plugins=("statuses",))
    for status in ("present", "late", "excused", "absent", "excused"):
        await maths.enter(status)
    (told,) = await maths.of("statuses", "points", "percentage", "currentAbsence")
    assert told == ({"absent": 1, "excused": 2, "late": 1, "present": 1}, "1.8", 60, 1)


async def test_warnings_hold_as_soon_as_there_is_enough_to_tell_and_not_before(school):
    maths = await school(students=2)
    for ada, ben in (("present", "absent"), ("absent", "absent"), ("present", "present")):
        await maths.enter(ada, ben)
    assert await maths.of("warnings") == [([],), ([],)]
    await maths.enter("absent", "absent")
    assert await maths.of("warnings") == [([],), ([],)]
    await maths.enter("present", "absent")
    assert await maths.of("percentage", "warnings") == [
        (60, ["low-percentage"]),
        (20, ["low-percentage"]),
    ]
    await maths.enter("present", "absent")
    both = ["low-percentage", "absences-in-a-row"]
    assert await maths.of("percentage", "warnings") == [
        (66.7, ["low-percentage"]),
        (16.7, both),
    ]
    await maths.enter("present", "present")
    assert await maths.of("percentage", "warnings") == [(71.4, []), (28.6, ["low-percentage"])]


@pytest.mark.parametrize(("rule", "percentage"), [("points", 45), ("sessions", 50), ("days", 50)])
async def test_the_setting_chooses_the_rule(school, monkeypatch, rule, percentage):
    monkeypatch.setenv("QUARTAPP_REPORTS_RULE", rule)
    maths = await school(extra_plugins=("statuses",))
    for status in ("present", "late", "absent", "absent"):
        await maths.enter(status)
    assert await maths.of("percentage") == [(percentage,)]
    assert (await maths.report())["rule"] == rule


async def test_a_rule_that_nobody_brings_is_refused_in_one_sentence(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_REPORTS_RULE", "luck")
    with pytest.raises(QuartappError, match="no rule luck for percentages; there are days, points"):
        await serve()


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        ({"points": len}, "the rule points for percentages is taken"),
        ({"luck": 7}, "must return a dict of functions"),
        ([len], "must return a dict of functions"),
    ],
)
async def test_register_percentages_with_something_else_is_refused(serve, brought, said):
    class Plugin:
        name = "odd"
        requires = ("reports",)

        @hookimpl
        def register_percentages(self):
            return brought

    with pytest.raises(QuartappError, match=f"plugin odd .*{said}"):
        await serve(beside=[Plugin])
