from __future__ import annotations

from werkzeug.routing import BaseConverter


class ClassConverter(BaseConverter):
    """The last part of a path that names a class: anything but the names of other routes.

    Without this converter, ``/class/students`` would match as a class too, and the answer to a
    wrong method would list methods that the list of students does not have. The exclusion is a
    pattern because werkzeug collects the methods before it asks a converter.
    """

    part_isolating = True
    regex = r"(?!(?:create-class|students)\Z)[^/]+"
