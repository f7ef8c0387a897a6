"""The answers to corrections: what was changed, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp import DomainError, Refusal
from quartapp_records.answers import record_answer
from quartapp_records.errors import (
    EditWindowOverError,
    NotOnSessionRollError,
    ReasonNeededError,
    RecordChangedError,
    RecordsLockedError,
    SetByOfficeError,
    StatusNotAllowedError,
)
from quartapp_records.schemas import record_schemas

if TYPE_CHECKING:
    from quartapp import Document
    from quartapp_attendance import Schemas, StatusRegistry
    from quartapp_records.schemas import RecordSchemas

    Refusals = dict[type[DomainError], Refusal | tuple[Refusal, ...]]

NOT_ENROLLED = Refusal(404, "Student not enrolled in class")
OF_DAY: Refusals = {
    RecordsLockedError: Refusal(403, "Forbidden, records are locked"),
    EditWindowOverError: Refusal(403, "Forbidden, too late for teachers"),
}


def of_correction(schemas: RecordSchemas) -> Refusals:
    """Return the answers to the errors of one correction.

    Args:
        schemas: Models with the statuses of this app.
    """
    return {
        **OF_DAY,
        SetByOfficeError: Refusal(403, "Forbidden, set by the office"),
        StatusNotAllowedError: Refusal(403, "Forbidden, status is set by others"),
        ReasonNeededError: Refusal(400, "reason is needed after the day", field="reason"),
        NotOnSessionRollError: NOT_ENROLLED,
        RecordChangedError: Refusal(409, "record has changed", current=schemas.record | None),
    }


class CorrectionAnswers:
    """What the API answers to each of several corrections.

    Args:
        statuses: Statuses of the app.
        schemas: Models of roll calls with these statuses.

    Attributes:
        model: Model of the answer to one correction.
    """

    def __init__(self, statuses: StatusRegistry, schemas: Schemas) -> None:
        models = record_schemas(statuses, schemas)
        self._refusals = of_correction(models)
        self.model = models.result

    def of(self, student_id: str, found: Document | DomainError) -> dict[str, Any]:
        """Return the answer to one correction.

        Args:
            student_id: Id of the student.
            found: The changed record, or why it was not changed.

        Raises:
            DomainError: ``found`` is no refusal of a correction.
        """
        answer: dict[str, Any] = {"studentId": student_id.lower()}
        if not isinstance(found, DomainError):
            return {**answer, "success": True, "record": record_answer(found)}
        refusal = self._refusals.get(type(found))
        if not isinstance(refusal, Refusal):
            raise found
        answer |= {"success": False, "error": refusal.message, "code": refusal.stable_code}
        if isinstance(found, RecordChangedError):
            answer["current"] = shown(found.current)
        return answer


def shown(record: Document | None) -> dict[str, Any] | None:
    """Return a record as the API answers it; None where there is none.

    Args:
        record: The record as stored.
    """
    return None if record is None else record_answer(record)
