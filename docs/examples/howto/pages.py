"""A guest book: one page, with a form and a stylesheet."""

from html import escape
from pathlib import Path

from pydantic import Field
from quart import Blueprint, request

from quartapp import PUBLIC, Body, Operation, Static, core, hookimpl, see_other

blueprint = Blueprint("guests", __name__, url_prefix="/guests")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guest book</title>
<link rel="stylesheet" href="/guests/static/guests.css">
<h1>Guest book</h1>
<ul>{entries}</ul>
<form method="post" action="/guests/book">
<ul role="alert">{errors}</ul>
<label>Name <input name="name" value="{name}" required></label>
<label>Guests <input name="guests" type="number" value="{guests}" required></label>
<button>Sign</button>
</form>
"""


class Entry(Body):
    """What a guest writes."""

    name: str = Field(min_length=1, max_length=80)
    guests: int = Field(ge=1, le=20)


class GuestBook:
    """The entries. A plugin in use would keep them in the database."""

    def __init__(self):
        self.entries = []


def page(typed, errors=()):
    """Return the page, with the form as it was typed and what is wrong with it."""
    entries = core().services.get(GuestBook).entries
    return PAGE.format(
        entries="".join(f"<li>{escape(entry.name)}, {entry.guests}</li>" for entry in entries),
        errors="".join(f"<li>{escape(f'{one.field}: {one.message}')}</li>" for one in errors),
        name=escape(typed.get("name", "")),
        guests=escape(typed.get("guests", "1")),
    )


SHARED = {"access": PUBLIC, "tags": ("guests",), "data": str, "page": True, "database": False}


@blueprint.get("/book")
@Operation(id="showGuestBook", **SHARED)
async def show():
    """Show the guest book."""
    return page({})


@blueprint.post("/book")
@Operation(id="signGuestBook", form=Entry, max_body=4096, redirects=True, **SHARED)
async def sign(form, errors):
    """Sign the guest book."""
    if form is None:
        return page(await request.form, errors)
    core().services.get(GuestBook).entries.append(form)
    return see_other("/guests/book")


class GuestsPlugin:
    """Brings the guest book."""

    name = "guests"

    @hookimpl
    def register_services(self, app):
        core(app).services.add(GuestBook())

    @hookimpl
    def register_blueprints(self):
        return [blueprint]

    @hookimpl
    def register_static(self):
        return [Static("/guests/static", Path(__file__).parent / "pages_static")]
