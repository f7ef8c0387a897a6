"""Writes a OneRoster 1.1 or 1.2 set of any size, to measure an import with.

    python bench/oneroster_data.py FOLDER [--users 100000] [--enrolments 500000] [--version 1.2]

Then, with a database of its own:

    QUARTAPP_EXTRA_PLUGINS=oneroster /usr/bin/time -v \
        quartapp roster import FOLDER --data-dir $(mktemp -d)
"""

from __future__ import annotations

import argparse
import csv
import random
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

GIVEN = ("Ada", "Grace", "Alan", "Édith", "Jürgen", "Mary-Ann", "Noor", "Søren", "Zoë", "李")
FAMILY = ("Lovelace", "Hopper", "Turing", "O'Brien", "García", "van der Berg", "Nguyễn", "Smith")
SUBJECTS = ("Algebra", "Biology", "Chemistry", "English", "French", "History", "Music", "PE")
SCHOOLS = 20
STUDENTS_PER_TEACHER = 19
CLASSES_PER_TEACHER = 4
STATE = ("status", "dateLastModified")


def write(folder: Path, name: str, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a file of the set.

    Args:
        folder: Folder of the set.
        name: Name of the file.
        header: Names of the columns.
        rows: Values of each row.
    """
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def make(folder: Path, users: int, enrolments: int, version: str) -> None:
    """Write a complete (bulk) set.

    Args:
        folder: Folder of the set.
        users: Number of people; a twentieth of them are teachers.
        enrolments: Number of enrolments of teachers and students together.
        version: ``1.1`` or ``1.2``.
    """
    dice = random.Random(7)  # noqa: S311 - the same set each time
    folder.mkdir(parents=True, exist_ok=True)
    teachers = max(users // (STUDENTS_PER_TEACHER + 1), 1)
    classes = teachers * CLASSES_PER_TEACHER
    with_roles = version == "1.2"
    files = ["academicSessions", "classes", "courses", "enrollments", "orgs", "users"]
    files += ["roles"] if with_roles else []
    manifest = [("manifest.version", "1.0"), ("oneroster.version", version)]
    manifest += [(f"file.{name}", "bulk") for name in files]
    write(folder, "manifest.csv", ["propertyName", "value"], manifest)

    schools = [(f"org-{n}", "", "", f"School {n}", "school", str(n), "") for n in range(SCHOOLS)]
    write(
        folder,
        "orgs.csv",
        ["sourcedId", *STATE, "name", "type", "identifier", "parentSourcedId"],
        schools,
    )
    write(
        folder,
        "academicSessions.csv",
        [
            "sourcedId",
            *STATE,
            "title",
            "type",
            "startDate",
            "endDate",
            "parentSourcedId",
            "schoolYear",
        ],
        [("t1", "", "", "Autumn 2026", "term", "2026-08-24", "2026-12-18", "", "2027")],
    )
    write(
        folder,
        "courses.csv",
        [
            "sourcedId",
            *STATE,
            *["schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId"],
        ],
        [(f"c-{s}", "", "", "", s, s[:3].upper(), "", "org-0") for s in SUBJECTS],
    )

    def role(n: int) -> str:
        return "teacher" if n < teachers else "student"

    def people() -> Iterable[list[object]]:
        for n in range(users):
            given, family = dice.choice(GIVEN), dice.choice(FAMILY)
            start = [f"u-{n}", "", "", "true"]
            org = f"org-{n % SCHOOLS}"
            middle = [f"user{n}", "", given, family, "", "", f"user{n}@school.example", "", "", ""]
            if with_roles:
                yield [*start, *middle, "", "", "", "", "", "", org, ""]
            else:
                yield [*start, org, role(n), *middle, "", ""]

    start = ["sourcedId", *STATE, "enabledUser"]
    middle = "username,userIds,givenName,familyName,middleName,identifier,email,sms,phone"
    middle += ",agentSourcedIds"
    if with_roles:
        end = "grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName"
        end += ",preferredFamilyName,primaryOrgSourcedId,pronouns"
        write(folder, "users.csv", [*start, *middle.split(","), *end.split(",")], people())
        roles = "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId"
        write(
            folder,
            "roles.csv",
            ["sourcedId", *STATE, *roles.split(",")],
            (
                (f"r-{n}", "", "", f"u-{n}", "primary", role(n), "", "", f"org-{n % SCHOOLS}", "")
                for n in range(users)
            ),
        )
    else:
        header = [*start, "orgSourcedIds", "role", *middle.split(","), "grades", "password"]
        write(folder, "users.csv", header, people())

    title = "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId"
    title += ",termSourcedIds,subjects,subjectCodes,periods"
    write(
        folder,
        "classes.csv",
        ["sourcedId", *STATE, *title.split(",")],
        (
            [
                *(f"k-{n}", "", "", SUBJECTS[n % 2], "", f"c-{SUBJECTS[n % 2]}", f"{n}"),
                *("scheduled", "", f"org-{n % SCHOOLS}", "t1", "", "", ""),
            ]
            for n in range(classes)
        ),
    )

    def enrolled() -> Iterable[list[object]]:
        for n in range(classes):
            school = f"org-{n % SCHOOLS}"
            teacher = f"u-{n // CLASSES_PER_TEACHER}"
            yield [f"e-{n}", "", "", f"k-{n}", school, teacher, "teacher", "true", "", ""]
        students = users - teachers
        for n in range(enrolments - classes):
            user = teachers + (n % students)
            place = (n // students * 977 + n % students) % classes
            yield [
                *(f"e-{classes + n}", "", "", f"k-{place}", f"org-{place % SCHOOLS}"),
                *(f"u-{user}", "student", "false", "2020-08-24", ""),
            ]

    header = "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate"
    write(folder, "enrollments.csv", ["sourcedId", *STATE, *header.split(",")], enrolled())


def main() -> None:
    """Read the arguments, and write the set."""
    parser = argparse.ArgumentParser(description="Write a OneRoster set.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--enrolments", type=int, default=500_000)
    parser.add_argument("--version", choices=("1.1", "1.2"), default="1.1")
    given = parser.parse_args()
    make(given.folder, given.users, given.enrolments, given.version)


if __name__ == "__main__":
    main()
