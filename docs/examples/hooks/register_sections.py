"""An entry in the navigation of the pages, for teachers alone."""

from quartapp import hookimpl
from quartapp_web import Section


class LibraryPlugin:
    """Brings an entry that leads to the library."""

    name = "library"

    @hookimpl(optionalhook=True)
    def register_sections(self):
        return [
            Section(
                "/app/library",
                "Library",
                labels={"de": "Bücherei"},
                shown_to=lambda principal: principal.role == "teacher",
            )
        ]
