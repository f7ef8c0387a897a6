"""The deletion of a class deletes the notes on the class."""

from quartapp import core, hookimpl


class Notes:
    """The notes in the database, by class."""

    def __init__(self, database):
        self._database = database

    async def write(self, class_id, text):
        async with self._database.operation():
            await self._database.documents["notes"].insert_one({"classId": class_id, "text": text})

    async def of(self, class_id):
        async with self._database.operation():
            found = await self._database.documents["notes"].find({"classId": class_id}).to_list()
        return [note["text"] for note in found]

    async def forget(self, class_id):
        async with self._database.operation():
            await self._database.documents["notes"].delete_many({"classId": class_id})


class NotesPlugin:
    """The plugin that stores notes on classes."""

    name = "notes"
    requires = ("classes",)

    @hookimpl
    def register_services(self, app):
        self.notes = Notes(core(app).database)
        core(app).services.add(self.notes)

    @hookimpl
    async def clear_class(self, class_id):
        await self.notes.forget(class_id)
