"""The wishes of a reader who is erased go; the loans stay, and are counted."""

from bson import ObjectId

from quartapp import core, hookimpl


class LibraryPlugin:
    """Forgets what readers have wished for."""

    name = "library"

    def __init__(self):
        self._database = None

    @hookimpl
    def register_services(self, app):
        self._database = core(app).database

    @hookimpl
    async def erase_person(self, user_id, dry_run):
        of_reader = {"readerId": ObjectId(user_id)}
        async with self._database.operation():
            wishes = self._database.documents["wishes"]
            number = await wishes.count_documents(of_reader)
            if not dry_run:
                await wishes.delete_many(of_reader)
        return {"wishes": number}
