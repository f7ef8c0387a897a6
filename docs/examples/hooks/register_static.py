"""The files of a folder, for browsers."""

from pathlib import Path

from quartapp import Static, hookimpl


class LibraryPlugin:
    """Brings ``/library/static/...``."""

    name = "library"

    def __init__(self, folder=Path(__file__).parent):
        self.folder = folder

    @hookimpl
    def register_static(self):
        return [Static("/library/static", self.folder)]
