"""Co-teachers come and go with their enrolments; those that somebody has added by hand stay."""

from __future__ import annotations

import pytest

TODAY = "2026-09-15"


def staff(school, sourced_id="c1"):
    """The primary teacher of a class, and its co-teachers with their last days, by sourcedId."""
    names = {user["_id"]: user["sourcedId"] for user in school.db.users.find()}
    room = school.class_room(sourced_id)
    others = {names[other["userId"]]: other["until"] for other in room["coTeachers"]}
    return names[room["teacherId"]], others


def teachers(school, **primary):
    """The small set with a teacher for each name; ``primary`` says which of them is the one."""
    roster = school.small()
    del roster.rows["enrollments"][0]
    for name, is_primary in primary.items():
        if name != "tea":
            roster.user(name, "teacher")
        roster.enrol(name, "c1", "teacher", primary=is_primary)
    return roster


def test_the_primary_teacher_is_one_and_the_others_are_co_teachers(school):
    school.bring_in(teachers(school, one="false", tea="true", two=""))
    assert staff(school) == ("tea", {"one": None, "two": None})
    again = school.bring_in(teachers(school, one="false", tea="true", two=""))
    assert "classes: 1 as they are" in again.stdout


def test_teachers_who_change_places_change_places(school):
    school.bring_in(teachers(school, tea="true", one="false"))
    swapped = teachers(school, tea="false", one="true")
    told = school.bring_in(swapped, "--dry-run").stdout
    assert "+ co-teacher tea@school.example of Algebra" in told
    school.bring_in(swapped)
    assert staff(school) == ("one", {"tea": None})


def test_an_enrolment_that_ends_takes_the_co_teacher_off_the_class(school):
    school.bring_in(teachers(school, tea="true", one="false", two="false"))
    roster = teachers(school, tea="true", one="false", two="false")
    roster.rows["enrollments"][-1]["endDate"] = TODAY
    roster.rows["enrollments"][-2]["endDate"] = "2026-09-16"
    told = school.bring_in(roster, "--as-of", TODAY, "--dry-run").stdout
    assert "- co-teacher two@school.example of Algebra" in told
    school.bring_in(roster, "--as-of", TODAY)
    assert staff(school) == ("tea", {"one": None})


def test_an_enrolment_that_begins_later_makes_no_co_teacher_yet(school):
    roster = teachers(school, tea="true", one="false")
    roster.rows["enrollments"][-1]["beginDate"] = "2026-09-16"
    school.bring_in(roster, "--as-of", TODAY)
    assert staff(school) == ("tea", {})
    school.bring_in(roster, "--as-of", "2026-09-16")
    assert staff(school) == ("tea", {"one": None})


@pytest.mark.parametrize("until", [None, "2026-09-30"])
def test_a_co_teacher_whom_somebody_has_added_stays(school, until):
    roster = teachers(school, tea="true").user("guest", "teacher")
    school.bring_in(roster)
    guest = {"userId": school.person("guest@school.example")["_id"], "until": until}
    school.db.classes.update_one({"sourcedId": "c1"}, {"$set": {"coTeachers": [guest]}})
    roster.rows["classes"][0]["title"] = "Algebra II"
    school.bring_in(roster)
    assert school.class_room("c1")["className"] == "Algebra II"
    assert staff(school) == ("tea", {"guest": until})
    enrolled = roster.enrol("guest", "c1", "teacher", primary="false")
    school.bring_in(enrolled)
    assert staff(school) == ("tea", {"guest": None})
    del roster.rows["enrollments"][-1]
    school.bring_in(roster)
    assert staff(school) == ("tea", {})


def test_a_class_that_is_over_keeps_its_primary_teacher_alone(school):
    school.bring_in(teachers(school, tea="true", one="false"))
    roster = teachers(school, tea="true", one="false").class_("c2", "Biology")
    for row in roster.rows["enrollments"]:
        row["classSourcedId"] = "c2"
    del roster.rows["classes"][0]
    school.bring_in(roster, "--allow-removals")
    assert staff(school) == ("tea", {})
    assert staff(school, "c2") == ("tea", {"one": None})
