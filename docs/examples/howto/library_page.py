"""A page among the bundled ones: what the library has, for teachers."""

from markupsafe import Markup
from quart import Blueprint

from quartapp import PageOperation, hookimpl, permission
from quartapp_web import Section, framed_page

blueprint = Blueprint("library", __name__, url_prefix="/app")

BOOKS = ("Flatland & other lands", "The Number Devil")


@blueprint.get("/library")
@PageOperation(id="showLibrary", access=permission("class:read", role="teacher"))
async def show_library(principal):
    """Show the books."""
    rows = Markup().join(Markup("<li>{}</li>").format(book) for book in BOOKS)
    return await framed_page(principal, "Library", Markup("<ul>{}</ul>").format(rows))


class LibraryPlugin:
    """Brings the page and its entry in the navigation."""

    name = "library"
    requires = ("web",)

    @hookimpl
    def register_blueprints(self):
        return [blueprint]

    @hookimpl
    def register_sections(self):
        return [
            Section(
                "/app/library",
                "Library",
                labels={"de": "Bücherei"},
                shown_to=lambda principal: principal.role == "teacher",
            )
        ]
