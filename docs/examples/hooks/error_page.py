"""Pages of a plugin's own for errors, and a sign-in where one is missing."""

from html import escape

from quart import Response, request

from quartapp import hookimpl, see_other


class LibraryPlugin:
    """Brings the pages below ``/library``."""

    name = "library"

    @hookimpl
    def error_page(self, status, message):
        if not request.path.startswith("/library/"):
            return None
        if status == 401:
            return see_other("/library/sign-in")
        return Response(f"<h1>{escape(message)}</h1>", status, mimetype="text/html")
