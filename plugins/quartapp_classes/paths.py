from __future__ import annotations

from werkzeug.routing import BaseConverter


class ClassConverter(BaseConverter):
    """The last part of a path that names a class: anything but the routes beside it.

    Without it, ``/class/students`` would also be a class that somebody may want to delete, and the
    answer to a wrong method would name methods that the list of students does not have. It is a
    pattern since werkzeug collects the methods before it asks a converter.
    """

    part_isolating = True
    regex = r"(?!(?:create-class|students)\Z)[^/]+"
