"""The lists of classes, from which registers and reports are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from quartapp import ObjectIdInput, core
from quartapp_classes import ClassService
from quartapp_records import Access
from quartapp_web.forms import SearchText
from quartapp_web.own_sections import reads_records
from quartapp_web.rendering import page_for

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Principal
    from quartapp_classes import ClassRoom

SHOWN = 200


class ClassesQuery(BaseModel):
    """The choice of classes to list; an empty field says nothing."""

    search: SearchText = None
    after: ObjectIdInput | None = None


async def every_class(query: ClassesQuery) -> tuple[list[ClassRoom], str]:
    """Return classes of all teachers by their names, and the ``_id`` behind which more follow.

    Args:
        query: The choice of classes.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    classes = core().services.get(ClassService)
    found = await classes.page(query.search, SHOWN + 1, query.after)
    shown = found[:SHOWN]
    more = str(shown[-1].id) if len(found) > SHOWN else ""
    return _by_name(shown), more


async def class_list(principal: Principal, template: str, query: ClassesQuery) -> Response:
    """Return a page with the classes whose records a person reads, by their names.

    The office reads those of every class, and can search them.

    Args:
        principal: The person.
        template: Name of the template.
        query: The choice of classes, for the office.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    services, more = core().services, ""
    is_office = services.get(Access).is_office(principal)
    rooms: list[ClassRoom] = []
    if is_office:
        rooms, more = await every_class(query)
    elif reads_records(principal):
        rooms = _by_name(await services.get(ClassService).of(principal))
    rows = [{"id": str(room.id), "name": room.class_name} for room in rooms]
    search = query.search or ""
    return await page_for(
        principal, template, classes=rows, is_office=is_office, search=search, more=more
    )


def _by_name(rooms: list[ClassRoom]) -> list[ClassRoom]:
    return sorted(rooms, key=lambda room: room.class_name.casefold())
