"""Notes of lessons: a collection with one migration and a nightly task."""

from datetime import timedelta
from typing import ClassVar

from mongoengine import DateTimeField, StringField

from quartapp import Migration, Model, core, hookimpl

NIGHT = 24 * 3600
KEPT = timedelta(days=30)


class Note(Model):
    """A note. Version 1 of the data has the text under ``body``."""

    text = StringField(required=True)
    written = DateTimeField(required=True)

    meta: ClassVar = {"collection": "notes", "indexes": ["written"]}


async def body_becomes_text(database):
    """Rename the field of version 1; the filter leaves out changed notes."""
    old = {"body": {"$exists": True}}
    await database.documents["notes"].update_many(old, {"$rename": {"body": "text"}})


class Notes:
    """The notes in the database."""

    def __init__(self, database, clock):
        self._database = database
        self._clock = clock

    async def write(self, text):
        note = {"text": text, "written": self._clock.now()}
        async with self._database.operation():
            await self._database.documents["notes"].insert_one(note)

    async def texts(self):
        async with self._database.operation():
            found = await self._database.documents["notes"].find().sort("written").to_list()
        return [note["text"] for note in found]

    async def forget_old(self):
        limit = self._clock.now() - KEPT
        async with self._database.operation():
            await self._database.documents["notes"].delete_many({"written": {"$lt": limit}})


class NotesPlugin:
    """The plugin that keeps notes for 30 days."""

    name = "notes"
    migrations = (Migration(2, "the text of a note is in `text`", body_becomes_text),)

    @hookimpl
    def register_collections(self):
        return [Note]

    @hookimpl
    def register_services(self, app):
        parts = core(app)
        notes = Notes(parts.database, parts.clock)
        parts.services.add(notes)
        parts.tasks.every(NIGHT, notes.forget_old, once_per_installation=True)
