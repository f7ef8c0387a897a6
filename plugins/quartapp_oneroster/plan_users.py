"""The plan for people: the account of each person in the set, and its change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import ObjectId

from quartapp_oneroster.errors import RejectedError
from quartapp_oneroster.staging import ACTIVE, GONE, SKIPPED

if TYPE_CHECKING:
    from quartapp_oneroster.store import Store

Record = tuple[Any, ...]  # Any: what SQLite stores

FILE = "users.csv"

# People whom enrolments may name. People with the outcome "left" are written, but cannot be
# enrolled.
KNOWN = "('new', 'changed', 'linked', 'same')"

_QUERY = """
SELECT s.sid, s.line, s.state, s.name, s.email, s.role, s.disabled,
       a.id, a.name, a.email, a.role, a.disabled,
       b.id, b.sid, b.name, b.role, b.disabled,
       other.line,
       (SELECT min(t.line) FROM s_users t WHERE t.email = s.email AND t.state = 'active')
FROM s_users s
LEFT JOIN d_users a ON a.sid = s.sid
LEFT JOIN d_users b ON b.email = s.email AND s.state = 'active'
LEFT JOIN s_users other ON other.sid = b.sid
ORDER BY s.line
"""


@dataclass(slots=True)
class _Account:
    """An account in the database."""

    id: bytes
    sid: str | None
    name: str
    email: str
    role: str
    disabled: bool


@dataclass(slots=True)
class _Person:
    """A row of users.csv, with the accounts that have its ``sourcedId`` and its e-mail address."""

    sid: str
    line: int
    state: str
    name: str
    email: str
    role: str | None
    disabled: bool
    own: _Account | None
    same_address: _Account | None
    same_address_line: int | None
    first_line: int


def plan_users(store: Store, *, bulk: bool) -> None:
    """Fill ``p_users``.

    Args:
        store: Store with the set and the database.
        bulk: Whether users.csv is complete, so that a missing person cannot be enrolled.
    """
    with store.together():
        for row in store.rows(_QUERY):
            person = _person(row)
            try:
                _plan(store, person, bulk=bulk)
            except RejectedError as error:
                store.reject(FILE, person.line, person.sid, str(error), "plan")
                _keep(store, person)
        if not bulk:
            store.run(
                """
                INSERT INTO p_users
                SELECT sid, id, 'same', email, name, role, disabled, NULL, NULL FROM d_users
                WHERE sid IS NOT NULL AND sid NOT IN (SELECT sid FROM s_users)
                """
            )


def _plan(store: Store, person: _Person, *, bulk: bool) -> None:
    own = person.own
    if person.state == GONE:
        if own is not None:
            op = "out" if own.disabled else "left"
            _put(store, person, op, own.id, own.email, own.name, own.role, disabled=True)
        return
    if person.state != ACTIVE:
        if person.state != SKIPPED:
            _keep(store, person)
        return
    account = _account(person, bulk=bulk)
    role = person.role or (account.role if account else None)
    if role is None:
        raise RejectedError("roles.csv has no role in force for this person")
    if account is not None and account.role != role:
        raise RejectedError(
            f"{account.email} is a {account.role} here and a {role} in the set; "
            "an account keeps its role"
        )
    if account is None:
        _put(
            *(store, person, "new", ObjectId().binary),
            *(person.email, person.name, role),
            disabled=person.disabled,
        )
        return
    changes = _changes(person, account)
    op = "linked" if account.sid != person.sid else ("changed" if changes else "same")
    _put(
        *(store, person, op, account.id, person.email, person.name, role),
        disabled=person.disabled,
        before=changes,
    )


def _account(person: _Person, *, bulk: bool) -> _Account | None:
    """Return the person's existing account; None when there is none."""
    own, holder = person.own, person.same_address
    if holder is not None and (own is None or holder.id != own.id):
        # A school that changes its student system gets new sourcedIds. When a complete file no
        # longer has the old sourcedId, the address identifies the same person.
        forgotten = bulk and person.same_address_line is None
        if own is not None or not (holder.sid is None or forgotten):
            whose = f"of sourcedId {holder.sid}" if holder.sid else "that is not of the set"
            raise RejectedError(f"{person.email} belongs to another account, {whose}")
    if (holder is None or own is None) and person.first_line != person.line:
        raise RejectedError(f"{person.email} is the address of line {person.first_line} too")
    return own or holder


def _changes(person: _Person, account: _Account) -> str:
    told = []
    if account.email != person.email:
        told.append(f"address {account.email} → {person.email}")
    if account.name != person.name:
        told.append(f"name {account.name} → {person.name}")
    if bool(account.disabled) != person.disabled:
        told.append("may not sign in any longer" if person.disabled else "may sign in again")
    return "; ".join(told)


def _keep(store: Store, person: _Person) -> None:
    """Keep the account as it is: a rejected row does not undo earlier imports."""
    own = person.own
    if own is not None:
        _put(*(store, person, "same", own.id, own.email, own.name, own.role), disabled=own.disabled)


def _put(
    store: Store,
    person: _Person,
    op: str,
    key: bytes,
    email: str,
    name: str,
    role: str,
    *,
    disabled: bool,
    before: str = "",
) -> None:
    store.execute(
        "INSERT INTO p_users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (person.sid, key, op, email, name, role, disabled, person.line, before),
    )


def _person(row: Record) -> _Person:
    sid, line, state, name, email, role, disabled = row[:7]
    own_id, *own = row[7:12]
    same_id, *same = row[12:17]
    return _Person(
        *(sid, line, state, name, email, role, bool(disabled)),
        None if own_id is None else _Account(own_id, sid, *own),
        None if same_id is None else _Account(same_id, same[0], same[1], email, *same[2:]),
        *row[17:],
    )
