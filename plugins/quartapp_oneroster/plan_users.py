"""The plan for people: the account of each person in the set, and its change.

Two rows with one address are one person if both are teachers: a teacher at two schools of one
export has one account, which keeps both ``sourcedId``. Otherwise they are two people, such as
siblings with the address of a parent: the first signs in with the address, the others with their
username.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bson import ObjectId

from quartapp_oneroster.errors import RejectedError
from quartapp_oneroster.sign_in import SignIn
from quartapp_oneroster.staging import ACTIVE, GONE, SKIPPED

if TYPE_CHECKING:
    from quartapp_oneroster.store import Store

Record = tuple[Any, ...]  # Any: what SQLite stores

FILE = "users.csv"
TEACHER = "teacher"

# People whom enrolments may name. People with the outcome "left" are written, but cannot be
# enrolled; rows with the outcome "also" are further ids of people who have a row already.
KNOWN = "('new', 'changed', 'linked', 'same', 'also')"

# Teachers come first, so that they sign in with an address that children have too; then people who
# have accounts. Of the ids of an account the one that was first decides.
_QUERY = """
SELECT s.sid, s.line, s.state, s.name, s.email, s.role, s.disabled, s.username,
       a.id, a.main_sid, a.name, a.email, a.role, a.disabled, a.username, a.contact, a.gone,
       EXISTS (SELECT 1 FROM d_users o LEFT JOIN s_users t ON t.sid = o.sid
               WHERE o.id = a.id AND o.sid <> s.sid
                     AND CASE WHEN :bulk THEN coalesce(t.state, 'gone') ELSE coalesce(t.state, '')
                         END <> 'gone')
FROM s_users s
LEFT JOIN d_users a ON a.sid = s.sid
ORDER BY s.state = 'active' AND coalesce(s.role, a.role) = 'teacher' DESC,
         a.id IS NULL, a.main DESC, s.line
"""
_OTHERS = """
INSERT INTO p_users
SELECT sid, id, CASE WHEN gone THEN 'out' ELSE 'same' END, email, name, role, disabled, username,
       contact, gone, main_sid, NULL, NULL, 0
FROM d_users WHERE sid IS NOT NULL AND sid NOT IN (SELECT sid FROM s_users)
"""
# An account that gets a further id is written, even if nothing else of it changes.
_WITH_FURTHER_IDS = """
UPDATE p_users SET op = 'changed', before = 'another sourcedId'
WHERE op = 'same'
      AND id IN (SELECT id FROM p_users
                 WHERE op = 'also' AND sid NOT IN (SELECT sid FROM d_users WHERE sid IS NOT NULL))
      AND (sid = main OR main NOT IN (SELECT sid FROM p_users))
"""


@dataclass(frozen=True, slots=True)
class _Account:
    """An account, as it is in the database or as it is to be."""

    id: bytes
    sid: str | None
    name: str
    email: str | None
    role: str
    disabled: bool
    username: str | None = None
    contact: str | None = None
    gone: bool = False
    # Whether the import takes the account from whoever has registered it.
    taken: bool = False


@dataclass(frozen=True, slots=True)
class _Person:
    """A row of users.csv, with the account that has its ``sourcedId``."""

    sid: str
    line: int
    state: str
    name: str
    email: str | None
    role: str | None
    disabled: bool
    username: str | None
    own: _Account | None
    is_elsewhere: bool


def plan_users(store: Store, *, bulk: bool, take_over: bool) -> None:
    """Fill ``p_users``.

    Args:
        store: Store with the set and the database.
        bulk: Whether users.csv is complete, so that a missing person cannot be enrolled.
        take_over: Whether people get the accounts that somebody has registered with their address.
    """
    with store.together():
        plan = _Plan(store, bulk=bulk, take_over=take_over)
        for row in list(store.rows(_QUERY, bulk=bulk)):
            person = _person(row)
            try:
                plan.add(person)
            except RejectedError as error:
                store.reject(FILE, person.line, person.sid, str(error), "plan")
                plan.keep(person)
        if not bulk:
            store.run(_OTHERS)
        store.run(_WITH_FURTHER_IDS)


class _Plan:
    """The accounts that are planned."""

    def __init__(self, store: Store, *, bulk: bool, take_over: bool) -> None:
        self._store = store
        self._take_over = take_over
        self._sign_in = SignIn(store, bulk=bulk)
        # Accounts that a row has decided about.
        self._decided: dict[bytes, _Account] = {}

    def add(self, person: _Person) -> None:
        """Plan what a row says.

        Args:
            person: The row.

        Raises:
            RejectedError: The row cannot be imported.
        """
        if person.state == GONE:
            self._leave(person)
        elif person.state == ACTIVE:
            self._arrive(person)
        elif person.state != SKIPPED:
            self.keep(person)

    def keep(self, person: _Person) -> None:
        """Keep the account as it is: a rejected row does not undo earlier imports.

        Args:
            person: The row.
        """
        if person.own is not None:
            self._put(person, "out" if person.own.gone else "same", person.own)

    def _leave(self, person: _Person) -> None:
        own = person.own
        if own is None:
            return
        if person.is_elsewhere or own.id in self._decided:
            # A teacher who leaves one of two schools goes on at the other one.
            self._put(person, "gone", own)
            return
        self._decide(person, "out" if own.gone else "left", replace(own, disabled=True, gone=True))

    def _arrive(self, person: _Person) -> None:
        before = self._account(person)
        role = person.role or (before.role if before else None)
        if role is None:
            raise RejectedError("roles.csv has no role in force for this person")
        if before is not None and before.role != role:
            raise RejectedError(
                f"{before.email or before.username} is a {before.role} here and a {role} in the "
                "set; an account keeps its role"
            )
        if before is not None and before.id in self._decided:
            self._put(person, "also", self._decided[before.id])
            return
        account = self._with_sign_in(person, before, role)
        if before is None:
            self._decide(person, "new", account)
            return
        changes = _changes(before, account)
        is_linked = person.own is None
        op = "linked" if is_linked else ("changed" if changes else "same")
        self._decide(person, op, account, "; ".join(changes))

    def _account(self, person: _Person) -> _Account | None:
        """Return the person's existing account; None when there is none."""
        if person.own is not None or person.email is None:
            return person.own
        holder = self._sign_in.holder(person.email)
        if holder is None or (person.role and holder.role != person.role):
            return None
        if holder.id in self._decided:
            decided = self._decided[holder.id]
            return decided if decided.role == TEACHER else None
        # A school that changes its student system gets new sourcedIds. When a complete file no
        # longer has the old sourcedId, the address identifies the same person.
        if not holder.open and holder.role != TEACHER:
            return None
        if not holder.vouched and not self._take_over:
            raise RejectedError(
                f"the account of {person.email} was made neither by an import nor by an invitation "
                "to this address; --take-over links it, and drops its password and tokens"
            )
        stored = self._stored(holder.id)
        taken = not holder.vouched
        return replace(stored, sid=person.sid, taken=taken) if holder.open else stored

    def _stored(self, key: bytes) -> _Account:
        row = next(
            self._store.rows(
                """
                SELECT id, main_sid, name, email, role, disabled, username, contact, gone
                FROM d_users WHERE main AND id = :id
                """,
                id=key,
            )
        )
        return _Account(*row)

    def _with_sign_in(self, person: _Person, before: _Account | None, role: str) -> _Account:
        """Return the account as the row wants it, with an address or username of its own."""
        key = before.id if before else ObjectId().binary
        email, contact = before.email if before else None, None
        holder = self._sign_in.holder(person.email) if person.email else None
        if person.email and (holder is None or holder.id == key):
            email = person.email
            self._sign_in.take_email(email, key, role)
        elif person.email:
            contact = person.email
        elif before is not None:
            contact = before.contact
        username = self._sign_in.username(
            key,
            person.username,
            before.username if before else None,
            None if email else person.sid,
        )
        sid = before.sid if before else person.sid
        taken = before.taken if before else False
        return _Account(
            *(key, sid, person.name, email, role, person.disabled, username, contact),
            gone=False,
            taken=taken,
        )

    def _decide(self, person: _Person, op: str, account: _Account, before: str = "") -> None:
        self._decided[account.id] = account
        self._put(person, op, account, before)

    def _put(self, person: _Person, op: str, account: _Account, before: str = "") -> None:
        self._store.execute(
            "INSERT INTO p_users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(person.sid, account.id, op, account.email, account.name, account.role),
                *(account.disabled, account.username, account.contact, account.gone),
                *(account.sid, person.line, before, account.taken),
            ),
        )


def _changes(before: _Account, after: _Account) -> list[str]:
    told = [
        f"{what} {one or 'none'} → {other or 'none'}"
        for what, one, other in (
            ("address", before.email, after.email),
            ("name", before.name, after.name),
            ("username", before.username, after.username),
            ("address for mail", before.contact, after.contact),
        )
        if one != other
    ]
    if bool(before.disabled) != after.disabled:
        told.append("may not sign in any longer" if after.disabled else "may sign in again")
    if before.gone:
        told.append("is back")
    return told


def _person(row: Record) -> _Person:
    sid, line, state, name, email, role, disabled, username = row[:8]
    own = None if row[8] is None else _Account(*row[8:17])
    return _Person(
        sid, line, state, name, email, role, bool(disabled), username, own, bool(row[17])
    )
