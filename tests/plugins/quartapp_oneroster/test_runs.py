"""Imports that are stopped, that meet others, and that meet people at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from quartapp import utc_now

pytestmark = pytest.mark.processes

DEADLINE_SECONDS = 60
PROGRAM = """
import signal
from quartapp.cli.main import CommandLine
from quartapp_oneroster.commands import roster
cli = CommandLine("quartapp")
cli.add_command(roster)
# Whoever runs the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
cli()
"""


def large(school, name="large"):
    """Large enough for an import to be caught at each step."""
    roster = school.set(name)
    for number in range(40):
        roster.user(f"t{number}", "teacher")
    for number in range(3000):
        roster.user(f"s{number}")
    for number in range(500):
        roster.class_(f"c{number}", f"Class {number}").enrol(
            f"t{number % 40}", f"c{number}", "teacher"
        )
    for number in range(3000):
        for shift in (0, 7, 77):
            roster.enrol(f"s{number}", f"c{(number + shift) % 500}")
    return roster


@contextmanager
def running(school, source):
    """Run the command in a process of its own, and kill it at the end of the block."""
    command = [sys.executable, "-c", PROGRAM, "roster", "import", str(source)]
    environment = {**os.environ, **school.environment}
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition):
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def assert_sound(school):
    """Check the promises that hold at every moment."""
    people = {p["_id"]: p["role"] for p in school.db["users"].find({}, {"role": 1})}
    kept = {(e["_id"]["class"], e["_id"]["user"]) for e in school.db["oneroster_enrolments"].find()}
    sids = {p["_id"]: p["sourcedId"] for p in school.db["users"].find({}, {"sourcedId": 1})}
    for found in school.db["classes"].find():
        assert people[found["teacherId"]] == "teacher"
        for student in found["studentsIds"]:
            assert people[student] == "student"
            assert (found["sourcedId"], sids[student]) in kept


def essence(school):
    """Return the data of an import, without generated identifiers."""
    people = {p["_id"]: p["email"] for p in school.db["users"].find()}
    classes = {
        c["sourcedId"]: (
            c["className"],
            people[c["teacherId"]],
            [people[s] for s in c["studentsIds"]],
        )
        for c in school.db["classes"].find()
    }
    kept = sorted(str(e) for e in school.db["oneroster_enrolments"].find())
    return sorted(people.values()), classes, kept


@pytest.fixture
def expected(school):
    """Return the data of an undisturbed import of the large set, and empty the database."""
    school.bring_in(large(school))
    result = essence(school)
    assert len(result[0]) == 3040
    assert len(result[1]) == 500
    for name in school.db.list_collection_names():
        school.db[name].delete_many({})
    return result


@pytest.mark.parametrize(
    ("collection", "how"),
    [
        ("users", signal.SIGKILL),
        ("oneroster_enrolments", signal.SIGKILL),
        ("classes", signal.SIGKILL),
        ("users", signal.SIGINT),
    ],
)
def test_a_run_that_is_stopped_anywhere_is_run_again(school, expected, collection, how):
    folder = school.set("large").folder
    with running(school, folder) as process:
        until(lambda: school.db[collection].estimated_document_count() > 0)
        process.send_signal(how)
        _, said = process.communicate(timeout=DEADLINE_SECONDS)
    assert "Traceback" not in said
    if how == signal.SIGINT:
        assert process.returncode == 130, said
        assert "Stopped. Run it again, and it goes on from here." in said
    note = school.db["oneroster_runs"].find_one({"fingerprint": {"$exists": True}})
    assert note["state"] == ("stopped" if how == signal.SIGINT else "running")
    assert note["phase"]
    assert_sound(school)
    assert essence(school) != expected
    school.bring_in(folder)
    assert essence(school) == expected
    assert_sound(school)
    states = {
        n["state"] for n in school.db["oneroster_runs"].find({"fingerprint": note["fingerprint"]})
    }
    assert states == {"continued", "done"}


def test_changes_wait_for_a_stopped_import_to_be_finished(school):
    folder = large(school).write()
    with running(school, folder) as process:
        until(lambda: school.db["classes"].estimated_document_count() > 0)
        process.kill()
        process.communicate()
    change = school.set("change").add("users", id="s0", status="tobedeleted")
    change.modes["users"] = "delta"
    message = school.refused(change)
    assert message.startswith(f"the import of {folder} was stopped halfway")
    school.bring_in(folder)
    school.bring_in(change)
    assert school.person("s0@school.example")["disabled"] is True


def test_one_import_at_a_time(school):
    lease = {"_id": "lease", "run": "another", "host": "elsewhere", "pid": 7}
    lease["until"] = utc_now() + timedelta(minutes=1)
    school.db["oneroster_runs"].insert_one(lease)
    message = school.refused(school.small())
    assert message == "another import is running, in process 7 on elsewhere; wait for it"
    assert school.emails() == set()
    school.db["oneroster_runs"].update_one(
        {"_id": "lease"}, {"$set": {"until": utc_now() - timedelta(seconds=1)}}
    )
    school.bring_in(school.small())
    assert school.db["oneroster_runs"].find_one({"_id": "lease"}) is None


def test_the_note_of_a_run_says_what_was_done(school):
    folder = school.small().user("bad", email="no").write()
    school.bring_in(folder, status=3)
    [note] = school.db["oneroster_runs"].find()
    assert note["state"] == "done"
    assert note["name"] == str(folder)
    assert note["version"] == "1.1"
    assert note["modes"]["users"] == "bulk"
    assert note["rejected"] == 1
    assert note["startedAt"] <= note["finishedAt"]


def test_an_account_made_during_an_import_is_linked(school):
    folder = large(school).write()
    with running(school, folder) as process:
        # The set has been read by then, the database has been looked at, and writing has begun.
        until(lambda: school.db["users"].estimated_document_count() > 0)
        now = utc_now()
        local = {"name": "x", "displayName": "x", "email": "s2999@school.example"}
        made = {**local, "role": "student", "password": "h", "createdAt": now, "updatedAt": now}
        made["vouched"] = True
        key = school.db["users"].insert_one(made).inserted_id
        said, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0
    assert "Imported" in said
    found = school.person("s2999@school.example")
    assert (found["_id"], found["password"], found["sourcedId"]) == (key, "h", "s2999")
    assert school.db["classes"].count_documents({"studentsIds": key}) == 3
    assert_sound(school)
