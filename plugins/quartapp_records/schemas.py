from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, create_model, model_validator

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out, trimmed
from quartapp_attendance import CODE_PATTERN
from quartapp_classes import DAY_PATTERN, LocalDay

if TYPE_CHECKING:
    from quartapp_attendance import Schemas, StatusRegistry

MOST_ROWS = 500
LONGEST_TEXT = 500

Day = Annotated[str, Field(pattern=DAY_PATTERN)]
Line = Annotated[str, trimmed(1, LONGEST_TEXT)]
Number = Annotated[int, Field(ge=0)]
# One type for generators of clients, which make nothing of a choice between texts.
CODE_OR_NOTHING = f"^(?:{CODE_PATTERN[1:-1]})?$"


def _whole(value: object) -> object:
    # JSON has one kind of number: 1.0 is an integer to every schema.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Minutes = Annotated[int, Field(ge=0, le=1440), BeforeValidator(_whole)]
# More corrections than anybody makes.
Version = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(_whole)]


class DaysQuery(Body):
    """A range of days."""

    first: LocalDay = left_out(alias="from")
    last: LocalDay = left_out(alias="to")


class SessionsQuery(DaysQuery):
    """The choice of sessions to list."""

    limit: int = left_out(ge=1, le=MOST_ROWS)
    after: ObjectIdInput = left_out()
    sort: Literal["date", "-date"] = left_out()


class HistoryQuery(Body):
    """The choice of entries of a history."""

    limit: int = left_out(ge=1, le=MOST_ROWS)
    after: int = left_out(ge=0, le=2**31 - 1)


class CorrectionBody(Body):
    """A correction of one record; null removes a note or minutes."""

    status: str
    v: Version
    reason: Line = left_out()
    note: Line | None = None
    minutes_late: Minutes | None = Field(None, alias="minutesLate")

    @property
    def fields(self) -> tuple[tuple[str, str | int | None], ...]:
        """The further fields that the request has, as they are stored."""
        found: dict[str, str | int | None] = {}
        if "note" in self.model_fields_set:
            found["note"] = self.note
        if "minutes_late" in self.model_fields_set:
            found["minutesLate"] = self.minutes_late
        return tuple(found.items())


class NamedCorrection(CorrectionBody):
    """One of several corrections."""

    student_id: ObjectIdInput = Field(alias="studentId")


class CorrectionsBody(Body):
    """Corrections of several records."""

    records: list[NamedCorrection] = Field(min_length=1, max_length=MOST_ROWS)


class NotedBody(Body):
    """What was noted of one student."""

    student_id: ObjectIdInput = Field(alias="studentId")
    status: str
    note: Line = left_out()


class SessionBody(Body):
    """A roll call after the event, or a lesson that was cancelled."""

    date: LocalDay
    records: list[NotedBody] = left_out(min_length=1, max_length=MOST_ROWS)
    note: Line = left_out()
    cancelled: Literal[True] = left_out()
    reason: Line = left_out()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.cancelled:
            if self.records is not None:
                raise ValueError("a cancelled lesson has no records")
            if self.reason is None:
                raise ValueError("a cancelled lesson needs a reason")
        elif self.records is None:
            raise ValueError("records or cancelled is needed")
        else:
            named = [one.student_id.lower() for one in self.records]
            if len(set(named)) < len(named):
                raise ValueError("records name a student twice")
        return self


class LockBody(Body):
    """The last locked day, or null to unlock all records."""

    through: LocalDay | None


class LockAnswer(Closed):
    """The lock of records."""

    through: Day | None
    at: Timestamp | None
    by: ObjectIdString | None


class Named(Closed):
    """A person, with the name as typed; null for a deleted account."""

    id: ObjectIdString = Field(alias="_id")
    display_name: str | None = Field(alias="displayName")


class CountsAnswer(Closed):
    """The numbers of records."""

    present: Number
    absent: Number
    total: Number
    statuses: dict[Annotated[str, Field(pattern=CODE_PATTERN)], Number]


class SessionAnswer(Closed):
    """A session that is over."""

    id: ObjectIdString = Field(alias="_id")
    class_id: ObjectIdString = Field(alias="classId")
    date: Day
    started_at: Timestamp | None = Field(alias="startedAt")
    ended_at: Timestamp = Field(alias="endedAt")
    outcome: Literal["closed", "superseded", "expired", "cancelled"]
    started_by: Named = Field(alias="startedBy")
    ended_by: Named | None = Field(alias="endedBy")
    finished_at: Timestamp | None = Field(alias="finishedAt")
    finished_by: Named | None = Field(alias="finishedBy")
    counts: CountsAnswer
    note: str | None


class RecordAnswer(Closed):
    """The record of a student; without a status, of one who is still unmarked."""

    student_id: ObjectIdString = Field(alias="studentId")
    status: str | None
    at: Timestamp | None
    by: ObjectIdString | None
    via: str | None
    note: str | None
    minutes_late: Number | None = Field(alias="minutesLate")
    office: bool
    v: Number


class ListedRecord(RecordAnswer):
    """A record with the name of its student; null for a deleted account."""

    display_name: str | None = Field(alias="displayName")


class RegisterColumn(Closed):
    """A session in a register."""

    id: ObjectIdString = Field(alias="_id")
    date: Day
    outcome: Literal["closed", "superseded", "expired", "cancelled"]


class RegisterRow(Closed):
    """The statuses of a student, in the order of the sessions.

    Null: not on the roll; the empty text: on the roll, and nobody marked them.
    """

    student_id: ObjectIdString = Field(alias="studentId")
    display_name: str | None = Field(alias="displayName")
    sort_name: str | None = Field(alias="sortName")
    statuses: list[Annotated[str, Field(pattern=CODE_OR_NOTHING)] | None]


class RegisterAnswer(Closed):
    """The records of a class over a range of days."""

    class_id: ObjectIdString = Field(alias="classId")
    class_name: str = Field(alias="className")
    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    sessions: list[RegisterColumn]
    students: list[RegisterRow]


class EntryAnswer(Closed):
    """An entry of a record's history."""

    v: int = Field(ge=1)
    at: Timestamp | None
    by: Named | None
    before: str | None = Field(alias="from")
    after: str = Field(alias="to")
    reason: str | None
    via: str | None


class RecordSchemas:
    """The models above, with the statuses of one app.

    Args:
        codes: Codes of all statuses of the app.
        schemas: Models of roll calls with these statuses.
    """

    def __init__(self, codes: tuple[str, ...], schemas: Schemas) -> None:
        sent: Any = Literal[codes]
        status: Any = schemas.status
        correction = _narrowed(NamedCorrection, status=sent)
        self.correction_body = _narrowed(CorrectionBody, status=sent)
        self.corrections_body = create_model(
            "CorrectionsBody",
            __base__=CorrectionsBody,
            __doc__=CorrectionsBody.__doc__,
            records=(list[correction], Field(min_length=1, max_length=MOST_ROWS)),  # type: ignore[valid-type] # made of what is found
        )
        noted = _narrowed(NotedBody, status=sent)
        self.session_body = create_model(
            "SessionBody",
            __base__=SessionBody,
            __doc__=SessionBody.__doc__,
            records=(list[noted], left_out(min_length=1, max_length=MOST_ROWS)),  # type: ignore[valid-type] # made of what is found
        )
        self.record = _narrowed(RecordAnswer, status=status | None)
        listed = _narrowed(ListedRecord, status=status | None)
        self.session = SessionAnswer
        self.register = RegisterAnswer
        self.session_with_records: type[BaseModel] = create_model(
            "SessionWithRecords",
            __base__=SessionAnswer,
            __doc__="A session that is over, with its records.",
            class_name=(str, Field(alias="className")),
            records=(list[listed], ...),  # type: ignore[valid-type] # made of what is found
        )
        self.entry = create_model(
            "EntryAnswer",
            __base__=EntryAnswer,
            __doc__=EntryAnswer.__doc__,
            before=(status | None, Field(alias="from")),
            after=(status, Field(alias="to")),
        )
        unchanged: Any = self.record | None
        self.result: type[BaseModel] = create_model(
            "CorrectionResult",
            __base__=Closed,
            __doc__="The answer to one of several corrections.",
            student_id=(ObjectIdString, Field(alias="studentId")),
            success=(bool, ...),
            record=(self.record, left_out()),
            error=(str, left_out()),
            code=(str, left_out()),
            current=(unchanged, None),
        )


def record_schemas(statuses: StatusRegistry, schemas: Schemas) -> RecordSchemas:
    """Return the models with the statuses of one app.

    Args:
        statuses: Statuses of the app.
        schemas: Models of roll calls with these statuses.
    """
    return _shared(statuses.codes, schemas)


# Models take time to make. Apps of one process share equal ones.
_shared = lru_cache(maxsize=16)(RecordSchemas)


def _narrowed(model: type[BaseModel], **fields: Any) -> type[BaseModel]:  # noqa: ANN401 - types
    given: dict[str, Any] = {name: (kind, ...) for name, kind in fields.items()}
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **given)
