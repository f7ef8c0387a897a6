"""A library stores loans: a collection, and the service that uses the collection."""

from typing import ClassVar

from mongoengine import StringField

from quartapp import Model, core, hookimpl


class Loan(Model):
    """A book on loan."""

    book = StringField(required=True)
    reader = StringField(required=True)

    meta: ClassVar = {
        "collection": "library_loans",
        "indexes": [{"fields": ["book"], "unique": True}],
    }


class LibraryService:
    """Lends books."""

    def __init__(self, database):
        self._database = database

    async def lend(self, book, reader):
        async with self._database.operation():
            loans = self._database.documents["library_loans"]
            await loans.insert_one({"book": book, "reader": reader})

    async def lent_to(self, reader):
        async with self._database.operation():
            loans = self._database.documents["library_loans"]
            return [loan["book"] async for loan in loans.find({"reader": reader})]


class LibraryPlugin:
    """Adds a collection and a service."""

    name = "library"

    @hookimpl
    def register_collections(self):
        return [Loan]

    @hookimpl
    def register_services(self, app):
        core(app).services.add(LibraryService(core(app).database))
