from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Operation, Refusal, core, permission
from quartapp_records.access import OFFICE
from quartapp_records.errors import FutureDateError
from quartapp_records.lock import Lock
from quartapp_records.schemas import LockAnswer, LockBody

if TYPE_CHECKING:
    from quartapp import Principal
    from quartapp_records.lock import LockState

lock_routes = Blueprint("record_lock", __name__, url_prefix="/api/v1/admin")

ACCESS = permission(OFFICE, role="admin")
TAGS = ("admin",)


@lock_routes.get("/record-lock")
@Operation(id="getRecordLock", access=ACCESS, tags=TAGS, data=LockAnswer)
async def get_record_lock(principal: Principal) -> dict[str, Any]:
    """Return the day up to which records are locked."""
    del principal
    return _answer(await core().services.get(Lock).state())


@lock_routes.put("/record-lock")
@Operation(
    id="setRecordLock",
    access=ACCESS,
    tags=TAGS,
    body=LockBody,
    invalid=Refusal(400, "Invalid request schema"),
    data=LockAnswer,
    errors={FutureDateError: Refusal(400, "date is in the future", field="through")},
)
async def set_record_lock(principal: Principal, body: LockBody) -> dict[str, Any]:
    """Lock records up to a day, or unlock them."""
    return _answer(await core().services.get(Lock).set(body.through, principal.id))


def _answer(state: LockState) -> dict[str, Any]:
    return {"through": state.through, "at": state.at, "by": state.by}
