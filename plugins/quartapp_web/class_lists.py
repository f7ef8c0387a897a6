"""The lists of classes, from which registers and reports are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import core
from quartapp_classes import ClassService
from quartapp_web.own_sections import reads_records
from quartapp_web.rendering import page_for

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Principal


async def class_list(principal: Principal, template: str) -> Response:
    """Return a page with the classes whose records a person reads, by their names.

    Args:
        principal: The person.
        template: Name of the template.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    rooms = []
    if reads_records(principal):
        rooms = await core().services.get(ClassService).of(principal)
    rows = [
        {"id": str(room.id), "name": room.class_name}
        for room in sorted(rooms, key=lambda room: room.class_name.casefold())
    ]
    return await page_for(principal, template, classes=rows)
