"""A class that still has books of the library is not deleted."""

from quartapp import Deny, hookimpl

HAS_BOOKS = "class has books of the library"


class LibraryPlugin:
    """Refuses to delete classes that have books."""

    name = "library"
    messages = (HAS_BOOKS,)

    def __init__(self):
        self.classes_with_books = set()

    @hookimpl
    async def check_deletion(self, class_id):
        return Deny(HAS_BOOKS) if class_id in self.classes_with_books else None
