"""Sets made of rows, the real command, and the real database to look at."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from click.testing import CliRunner

from quartapp.cli.main import CommandLine
from quartapp_auth.commands import user
from quartapp_oneroster.commands import roster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

HEADERS = {
    "manifest": "propertyName,value",
    "orgs": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId",
    "academicSessions": "sourcedId,status,dateLastModified,title,type,startDate,endDate,"
    "parentSourcedId,schoolYear",
    "courses": "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,"
    "orgSourcedId,subjects,subjectCodes",
    "users": "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,"
    "givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password",
    "users 1.2": "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,"
    "familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password,"
    "userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,"
    "primaryOrgSourcedId,pronouns",
    "roles": "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,"
    "orgSourcedId,userProfileSourcedId",
    "classes": "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,"
    "classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods",
    "enrollments": "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,"
    "userSourcedId,role,primary,beginDate,endDate",
}


class RosterSet:
    """A set under construction: rows by file, each a dict of the columns that matter."""

    def __init__(self, folder: Path, version: str = "1.1") -> None:
        self.folder = folder
        self.version = version
        self.rows: dict[str, list[dict[str, str]]] = {}
        self.modes: dict[str, str] = {}
        self.manifest: dict[str, str] | None = {}

    def add(self, file: str, **values: str) -> RosterSet:
        """Add a row; the sourcedId is ``id``."""
        self.rows.setdefault(file, []).append({"sourcedId": values.pop("id"), **values})
        return self

    def user(self, key: str, role: str = "student", **more: str) -> RosterSet:
        """Add a person with an address made of the sourcedId."""
        given = {"givenName": key.title(), "familyName": "Person", "email": f"{key}@school.example"}
        return self.add(
            "users", **{"id": key, "enabledUser": "true", "role": role, **given, **more}
        )

    def class_(self, key: str, title: str, **more: str) -> RosterSet:
        """Add a class."""
        return self.add("classes", **{"id": key, "title": title, **more})

    def enrol(self, user: str, class_id: str, role: str = "student", **more: str) -> RosterSet:
        """Add an enrolment, named after student and class."""
        key = f"{user}-{class_id}"
        named = {"id": key, "userSourcedId": user, "classSourcedId": class_id, "role": role}
        return self.add("enrollments", **{**named, **more})

    def texts(self) -> dict[str, str]:
        """Return the text of each file, by its name."""
        manifest = {"manifest.version": "1.0", "oneroster.version": self.version}
        manifest |= {f"file.{file}": self.modes.get(file, "bulk") for file in self.rows}
        rows = {**self.rows}
        if self.manifest is not None:
            pairs = {**manifest, **self.manifest}
            rows["manifest"] = [{"propertyName": n, "value": v} for n, v in pairs.items()]
        return {f"{file}.csv": self._text(file, of_file) for file, of_file in rows.items()}

    def write(self) -> Path:
        """Write it as a folder, in place of what is there."""
        self.folder.mkdir(exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        for name, text in self.texts().items():
            (self.folder / name).write_text(text, encoding="utf-8", newline="")
        return self.folder

    def zip(self, inside: str = "") -> Path:
        """Write it as a zip file, with everything in the folder ``inside``."""
        path = self.folder.with_suffix(".zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.texts().items():
                archive.writestr(inside + name, text)
        return path

    def _text(self, file: str, rows: list[dict[str, str]]) -> str:
        versioned = f"{file} {self.version}"
        header = HEADERS.get(versioned, HEADERS[file]).split(",")
        out = io.StringIO()
        writer = csv.DictWriter(out, header, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()


class School:
    """The command, on a database of the test's own, and what the database has."""

    def __init__(self, uri: str, folder: Path, client: pymongo.MongoClient[dict[str, Any]]) -> None:
        self.uri = uri
        self._folder = folder
        self.db = client.get_default_database()
        self._cli = CommandLine("quartapp")
        self._cli.add_command(roster)
        self._cli.add_command(user)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the command."""
        return {"MONGODB_URI": self.uri, "QUARTAPP_EXTRA_PLUGINS": "oneroster"}

    def set(self, name: str = "set", version: str = "1.1") -> RosterSet:
        """Return an empty set."""
        return RosterSet(self._folder / name, version)

    def small(self) -> RosterSet:
        """One teacher, two students, one class with both of them."""
        return (
            self.set()
            .user("tea", "teacher")
            .user("ann")
            .user("bob")
            .class_("c1", "Algebra")
            .enrol("tea", "c1", "teacher", primary="true")
            .enrol("ann", "c1")
            .enrol("bob", "c1")
        )

    def run(self, *arguments: str | Path, stdin: str | None = None) -> Result:
        """Run ``quartapp`` with these arguments."""
        given = [str(argument) for argument in arguments]
        return CliRunner().invoke(self._cli, given, input=stdin, env=self.environment)

    def bring_in(self, source: RosterSet | Path, *options: str, status: int = 0) -> Result:
        """Import, and make sure that it ends with ``status``."""
        path = source.write() if isinstance(source, RosterSet) else source
        result = self.run("roster", "import", path, *options)
        assert result.exit_code == status, result.output
        return result

    def refused(self, source: RosterSet | Path, *options: str) -> str:
        """Run an import that must be refused, and return its one message."""
        lines = self.bring_in(source, *options, status=2).stderr.splitlines()
        errors = [line for line in lines if line.startswith("Error: ")]
        assert len(errors) == 1, lines
        return errors[0].removeprefix("Error: ")

    def person(self, email: str) -> dict[str, Any]:
        """Return the account of an address."""
        found = self.db["users"].find_one({"email": email})
        assert found is not None, email
        return found

    def emails(self) -> set[str]:
        """Every address."""
        return {found["email"] for found in self.db["users"].find() if "email" in found}

    def account(self, sourced_id: str) -> dict[str, Any]:
        """Return the account of a sourcedId, the first one or a further one."""
        ids = {"$or": [{"sourcedId": sourced_id}, {"otherSourcedIds": sourced_id}]}
        found = self.db["users"].find_one(ids)
        assert found is not None, sourced_id
        return found

    def class_room(self, sourced_id: str) -> dict[str, Any]:
        """Return the class of a sourcedId."""
        found = self.db["classes"].find_one({"sourcedId": sourced_id})
        assert found is not None, sourced_id
        return found

    def names(self) -> set[str]:
        """Return the names of all classes."""
        return {found["className"] for found in self.db["classes"].find()}

    def roll(self, sourced_id: str) -> list[str]:
        """Return a class's roll in order: usernames, or the part of the addresses before the @."""
        ids = self.class_room(sourced_id)["studentsIds"]
        people = {
            p["_id"]: p.get("email", p.get("username", "")).split("@")[0]
            for p in self.db["users"].find()
        }
        return [people[key] for key in ids]

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Return the data of the database without timestamps and the notes of runs."""
        return {
            name: list(self.db[name].find({}, {"updatedAt": 0}, sort=[("_id", 1)]))
            for name in ("users", "classes", "oneroster_enrolments")
        }


@pytest.fixture
def school(mongodb_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """See :class:`School`."""
    monkeypatch.chdir(tmp_path)  # away from a .env or quartapp.toml
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(mongodb_uri) as client:
        yield School(mongodb_uri, tmp_path, client)
