"""The meaning of a row: text becomes a record, or :class:`RejectedError` gives the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from quartapp_auth import EMAIL, username_key
from quartapp_oneroster.errors import RejectedError

if TYPE_CHECKING:
    from quartapp_oneroster.table import Row

USER_COLUMNS = (
    *("sourcedId", "status", "enabledUser", "username", "givenName", "familyName", "email"),
)
USER_COLUMNS_1_1 = (*USER_COLUMNS, "role")
USER_COLUMNS_1_2 = (
    *USER_COLUMNS,
    *("preferredGivenName", "preferredFamilyName", "primaryOrgSourcedId"),
)
ROLE_COLUMNS = (
    *("sourcedId", "status", "userSourcedId", "roleType", "role"),
    *("beginDate", "endDate", "orgSourcedId"),
)
CLASS_COLUMNS = ("sourcedId", "status", "title", "courseSourcedId", "classCode", "termSourcedIds")
ENROLMENT_COLUMNS = (
    *("sourcedId", "status", "classSourcedId", "userSourcedId", "role"),
    *("primary", "beginDate", "endDate"),
)
TITLED_COLUMNS = ("sourcedId", "status", "title")
ORG_COLUMNS = ("sourcedId", "status", "name")

# Roles of both versions together; OneRoster 1.2 lets people add their own with the prefix "ext:".
OTHER_ROLES = frozenset(
    {
        *("administrator", "aide", "counselor", "districtadministrator", "guardian", "parent"),
        *("principal", "proctor", "relative", "siteadministrator", "systemadministrator"),
    }
)
OUR_ROLES = frozenset({"teacher", "student"})

MAX_NAME = 100
MAX_ID = 255
MAX_EMAIL = 254  # RFC 5321
_SHOWN = 60  # largest number of characters of a value in a message
_ADDRESS = re.compile(EMAIL)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person.

    ``role`` is None where roles.csv has it; ``org`` is the primary organisation; ``email`` and
    ``username`` are None where the row has none that can be used.
    """

    sourced_id: str
    gone: bool
    name: str
    email: str | None
    role: str | None
    disabled: bool
    org: str
    username: str | None = None


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One role of a person (1.2)."""

    sourced_id: str
    gone: bool
    user: str
    role: str
    primary: bool
    org: str
    begin: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class, with ``terms`` in the order of the file."""

    sourced_id: str
    gone: bool
    title: str
    code: str
    course: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """An enrolment of a person in a class. Dates are ISO; ``end`` is the first day after it."""

    sourced_id: str
    gone: bool
    class_id: str
    user: str
    role: str
    primary: bool
    begin: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class TitledRow:
    """A course, a term or an organisation; the import needs only the title."""

    sourced_id: str
    gone: bool
    title: str


def user_row(row: Row, *, delta: bool) -> UserRow:
    """Parse a row of users.csv.

    Args:
        row: Values by column.
        delta: Whether the file has changes only.

    Raises:
        RejectedError: The row cannot be imported.
    """
    sourced_id, gone = _head(row, delta=delta)
    org = row.get("primaryOrgSourcedId", "")
    role = known_role(row["role"]) if "role" in row and not gone else None
    # A deletion needs the sourcedId alone: the person has left, or never had an account here.
    if gone or role not in {None, *OUR_ROLES}:
        return UserRow(sourced_id, gone, "", None, role, disabled=True, org=org)
    return UserRow(
        *(sourced_id, gone, _name(row), _email(row), role),
        disabled=not _enabled(row),
        org=org,
        username=row["username"] if username_key(row["username"]) else None,
    )


def role_row(row: Row, *, delta: bool) -> RoleRow:
    """Parse a row of roles.csv.

    Args:
        row: Values by column.
        delta: Whether the file has changes only.

    Raises:
        RejectedError: The row cannot be imported.
    """
    sourced_id, gone = _head(row, delta=delta)
    user = _reference(row, "userSourcedId")
    if gone:
        return RoleRow(sourced_id, gone, user, "", primary=False, org="", begin=None, end=None)
    kind = row["roleType"].lower()
    if kind not in {"primary", "secondary"}:
        raise RejectedError(f"roleType is {_shown(row['roleType'])}, not primary or secondary")
    role = known_role(row["role"])
    begin, end = _dates(row)
    return RoleRow(sourced_id, gone, user, role, kind == "primary", row["orgSourcedId"], begin, end)


def class_row(row: Row, *, delta: bool) -> ClassRow:
    """Parse a row of classes.csv.

    Args:
        row: Values by column.
        delta: Whether the file has changes only.

    Raises:
        RejectedError: The row cannot be imported.
    """
    sourced_id, gone = _head(row, delta=delta)
    terms = tuple(term.strip() for term in row["termSourcedIds"].split(",") if term.strip())
    return ClassRow(
        sourced_id,
        gone,
        " ".join(row["title"].split()),
        " ".join(row["classCode"].split()),
        row["courseSourcedId"],
        terms,
    )


def enrolment_row(row: Row, *, delta: bool) -> EnrolmentRow:
    """Parse a row of enrollments.csv.

    Args:
        row: Values by column.
        delta: Whether the file has changes only.

    Raises:
        RejectedError: The row cannot be imported.
    """
    sourced_id, gone = _head(row, delta=delta)
    if gone:
        return EnrolmentRow(
            *(sourced_id, gone, row["classSourcedId"], row["userSourcedId"], ""),
            *(False, None, None),
        )
    class_id, user = _reference(row, "classSourcedId"), _reference(row, "userSourcedId")
    primary = row["primary"].lower()
    if primary and primary not in _BOOLEANS:
        raise RejectedError(f"primary is {_shown(row['primary'])}, not true or false")
    begin, end = _dates(row)
    role = known_role(row["role"])
    return EnrolmentRow(
        sourced_id, gone, class_id, user, role, _BOOLEANS.get(primary, False), begin, end
    )


def titled_row(row: Row, *, delta: bool) -> TitledRow:
    """Parse a row of courses.csv, academicSessions.csv or orgs.csv.

    Args:
        row: Values by column.
        delta: Whether the file has changes only.

    Raises:
        RejectedError: The row cannot be imported.
    """
    sourced_id, gone = _head(row, delta=delta)
    title = row["title"] if "title" in row else row["name"]
    return TitledRow(sourced_id, gone, " ".join(title.split()))


def known_role(text: str) -> str:
    """Return a role of OneRoster, in lower case.

    Args:
        text: The role as the file has it.

    Raises:
        RejectedError: OneRoster has no such role.
    """
    role = text.lower()
    if role in OUR_ROLES or role in OTHER_ROLES or role.startswith("ext:"):
        return role
    if not role:
        raise RejectedError("role is empty")
    raise RejectedError(f"role {_shown(text)} is none of OneRoster's")


def _head(row: Row, *, delta: bool) -> tuple[str, bool]:
    sourced_id = _reference(row, "sourcedId")
    status = row["status"].lower()
    if status in {"tobedeleted", "inactive"}:
        return sourced_id, True
    if status == "active" or (not status and not delta):
        return sourced_id, False
    if not status:
        raise RejectedError("status is empty, and in a delta file it says what has changed")
    raise RejectedError(f"status is {_shown(row['status'])}, not active or tobedeleted")


def _reference(row: Row, column: str) -> str:
    value = row[column]
    if not value:
        raise RejectedError(f"{column} is empty")
    if len(value) > MAX_ID:
        raise RejectedError(f"{column} has more than {MAX_ID} characters")
    return value


def _name(row: Row) -> str:
    given = row.get("preferredGivenName") or row["givenName"]
    family = row.get("preferredFamilyName") or row["familyName"]
    name = " ".join(f"{given} {family}".split())
    if not name:
        raise RejectedError("givenName and familyName are empty")
    if len(name) > MAX_NAME:
        raise RejectedError(f"the name has more than {MAX_NAME} characters")
    return name


def _email(row: Row) -> str | None:
    """Return the address of a person, which may stand under ``username``; None without one."""
    stated = row["email"]
    if stated and not _is_address(stated):
        raise RejectedError(f"email {_shown(stated)} is not a valid address")
    address = stated or (row["username"] if _is_address(row["username"]) else "")
    return address.lower() or None


def _is_address(text: str) -> bool:
    return len(text) <= MAX_EMAIL and _ADDRESS.fullmatch(text) is not None


def _enabled(row: Row) -> bool:
    stated = row["enabledUser"].lower()
    if not stated:
        return True
    if stated not in _BOOLEANS:
        raise RejectedError(f"enabledUser is {_shown(row['enabledUser'])}, not true or false")
    return _BOOLEANS[stated]


def _dates(row: Row) -> tuple[str | None, str | None]:
    begin, end = _day(row, "beginDate"), _day(row, "endDate")
    if begin and end and end < begin:
        raise RejectedError(f"endDate {end} is before beginDate {begin}")
    return begin, end


def _day(row: Row, column: str) -> str | None:
    text = row[column]
    if not text:
        return None
    try:
        # Some systems write a time as well; only the day counts.
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise RejectedError(f"{column} {_shown(text)} is not a date like 2026-08-31") from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
