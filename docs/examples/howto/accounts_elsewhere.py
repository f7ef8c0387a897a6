"""Accounts in the office's own SQLite file, in a table with the office's own names of fields."""

import asyncio
import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bson import ObjectId
from pydantic import BaseModel

from quartapp import DatabaseUnavailableError, core, hookimpl, utc_now
from quartapp_auth import AccountState, Contact, EmailTakenError, User, UserStore

TABLE = """
    CREATE TABLE IF NOT EXISTS people (
        number TEXT PRIMARY KEY, login TEXT, shown TEXT, mail TEXT UNIQUE, function TEXT,
        secret TEXT, locked INTEGER, edition INTEGER, system TEXT, person TEXT, alias TEXT,
        alias_key TEXT UNIQUE, circles TEXT, made TEXT, changed TEXT, UNIQUE (system, person)
    )"""
ENDED = """
    CREATE TABLE IF NOT EXISTS ended_tokens (
        number TEXT, name TEXT, until TEXT, UNIQUE (number, name)
    )"""
INSERT = """
    INSERT INTO people VALUES (
        :number, :login, :shown, :mail, :function, :secret, :locked, :edition, :system, :person,
        :alias, :alias_key, :circles, :made, :changed
    )"""
UPDATE = """
    UPDATE people SET
        login = :login, shown = :shown, mail = :mail, function = :function, secret = :secret,
        locked = :locked, edition = :edition, system = :system, person = :person, alias = :alias,
        alias_key = :alias_key, circles = :circles, changed = :changed
    WHERE number = :number"""
STUDENTS = """
    SELECT * FROM people
    WHERE function = 'student' AND number > :after
        AND (substr(login, 1, length(:start)) = :start OR substr(mail, 1, length(:start)) = :start)
    ORDER BY number LIMIT :limit"""
PEOPLE = """
    SELECT * FROM people
    WHERE number > :after
        AND (:roles IS NULL OR function IN (SELECT value FROM json_each(:roles)))
        AND (substr(login, 1, length(:start)) = :start OR substr(mail, 1, length(:start)) = :start
             OR substr(alias_key, 1, length(:start)) = :start)
    ORDER BY number LIMIT :limit"""
AMONG = "SELECT * FROM people WHERE number IN (SELECT value FROM json_each(?))"
ENDED_AMONG = """
    SELECT * FROM ended_tokens WHERE number IN (SELECT value FROM json_each(?))"""
BUSY_SECONDS = 2.0  # that another process may hold the file


class OfficeStore:
    """The people of the office; a UserStore."""

    def __init__(self, file):
        self._file = file

    async def get(self, user_id):
        return await self._first("SELECT * FROM people WHERE number = ?", [str(user_id)])

    async def by_email(self, email):
        return await self._first("SELECT * FROM people WHERE mail = ?", [email])

    async def by_username(self, key):
        return await self._first("SELECT * FROM people WHERE alias_key = ?", [key])

    async def by_subject(self, issuer, subject):
        values = [issuer, subject]
        return await self._first("SELECT * FROM people WHERE system = ? AND person = ?", values)

    async def insert(self, user):
        await self._rows(INSERT, row_of(user))

    async def change(self, user_id, changes, *, revoke=False):
        return await self._with_file(change_in, user_id, changes, revoke)

    async def end_token(self, user_id, name, until, now):
        values = [str(user_id), name, until.isoformat()]
        await self._rows("INSERT OR IGNORE INTO ended_tokens VALUES (?, ?, ?)", values)
        await self._rows("DELETE FROM ended_tokens WHERE until <= ?", [now.isoformat()])
        return (await self.states([user_id])).get(user_id)

    async def contacts(self, user_ids):
        rows = await self._rows(AMONG, [json.dumps([str(one) for one in user_ids])])
        users = map(user_of, rows)
        return {one.id: Contact(one.id, one.name, one.display_name, one.email) for one in users}

    async def students(self, search=None, limit=None, after=None):
        most = -1 if limit is None else limit
        values = {"start": (search or "").lower(), "after": str(after or ""), "limit": most}
        return [user_of(row) for row in await self._rows(STUDENTS, values)]

    async def people(self, search=None, roles=None, limit=None, after=None):
        values = {
            "start": (search or "").lower(),
            "roles": None if roles is None else json.dumps(list(roles)),
            "after": str(after or ""),
            "limit": -1 if limit is None else limit,
        }
        return [user_of(row) for row in await self._rows(PEOPLE, values)]

    async def everybody(self):
        for row in await self._rows("SELECT * FROM people ORDER BY number"):
            yield user_of(row)

    async def states(self, user_ids):
        numbers = [json.dumps([str(one) for one in user_ids])]
        names = defaultdict(set)
        for row in await self._rows(ENDED_AMONG, numbers):
            names[row["number"]].add(row["name"])
        users = map(user_of, await self._rows(AMONG, numbers))
        return {
            one.id: AccountState(one.ver, one.disabled, frozenset(names[str(one.id)]))
            for one in users
        }

    def changes(self):
        return None  # SQLite tells of no changes: quartapp looks every second

    async def _first(self, command, values):
        rows = await self._rows(command, values)
        return user_of(rows[0]) if rows else None

    async def _rows(self, command, values=()):
        return await self._with_file(lambda file: file.execute(command, values).fetchall())

    async def _with_file(self, work, *arguments):
        return await asyncio.to_thread(self._work, work, *arguments)

    def _work(self, work, *arguments):
        try:
            with closing(sqlite3.connect(self._file, timeout=BUSY_SECONDS)) as file, file:
                file.row_factory = sqlite3.Row
                file.execute(TABLE)
                file.execute(ENDED)
                return work(file, *arguments)
        except sqlite3.IntegrityError as error:
            raise EmailTakenError from error
        except sqlite3.OperationalError as error:
            raise DatabaseUnavailableError(f"the office's file: {error}") from error


def change_in(file, user_id, changes, revoke):
    file.execute("BEGIN IMMEDIATE")  # nobody else changes the account between read and write
    row = file.execute("SELECT * FROM people WHERE number = ?", [str(user_id)]).fetchone()
    if row is None:
        return None
    before = user_of(row)
    after = replace(before, **changes, ver=before.ver + revoke, updated_at=utc_now())
    file.execute(UPDATE, row_of(after))
    return after


def row_of(user):
    return {
        "number": str(user.id),
        "login": user.name,
        "shown": user.display_name,
        "mail": user.email,
        "function": user.role,
        "secret": user.password,
        "locked": user.disabled,
        "edition": user.ver,
        "system": user.issuer,
        "person": user.subject,
        "alias": user.username,
        "alias_key": user.username_key,
        "circles": json.dumps(user.groups),
        "made": user.created_at.isoformat(),
        "changed": user.updated_at.isoformat(),
    }


def user_of(row):
    return User(
        id=ObjectId(row["number"]),
        name=row["login"],
        display_name=row["shown"],
        email=row["mail"],
        role=row["function"],
        password=row["secret"],
        disabled=bool(row["locked"]),
        ver=row["edition"],
        issuer=row["system"],
        subject=row["person"],
        username=row["alias"],
        groups=tuple(json.loads(row["circles"])),
        created_at=datetime.fromisoformat(row["made"]),
        updated_at=datetime.fromisoformat(row["changed"]),
    )


class OfficeSettings(BaseModel):
    """``[plugins.personnel]``."""

    file: Path


class OfficePlugin:
    """Keeps accounts where the office has them; signing in stays with the plugin auth."""

    name = "personnel"

    @hookimpl
    def register_settings(self):
        return OfficeSettings

    @hookimpl(tryfirst=True)  # before the plugin auth, which looks for a store
    def register_services(self, app):
        store = OfficeStore(core(app).services.get(OfficeSettings).file)
        core(app).services.add(store, as_=UserStore)
