"""The warnings of a class, as they were raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Operation, core
from quartapp_records import Access, named_students
from quartapp_reports.open_warnings import RaisedWarnings
from quartapp_reports.routes import OF_CLASS, READING
from quartapp_reports.schemas import WarningsAnswer
from quartapp_reports.student_access import READ

if TYPE_CHECKING:
    from quartapp import Principal

warning_routes = Blueprint("warnings", __name__, url_prefix="/api/v1/class")


@warning_routes.get("/<class_id>/warnings")
@Operation(
    id="listWarnings",
    access=READING,
    tags=("records",),
    data=WarningsAnswer,
    errors=OF_CLASS,
)
async def list_warnings(principal: Principal, class_id: str) -> dict[str, Any]:
    """Return the warnings that hold of the students of a class, with the times of their raising."""
    services = core().services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    found = await services.get(RaisedWarnings).of_class(class_room.id)
    return {
        "classId": class_room.id,
        "className": class_room.class_name,
        "warnings": [
            {
                "studentId": student.id,
                "displayName": student.display_name,
                "sortName": student.sort_name,
                "warning": warning,
                "raisedAt": raised_at,
            }
            for student in await named_students(class_room, found)
            for warning, raised_at in found.get(student.id, {}).items()
        ],
    }
