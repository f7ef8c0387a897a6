from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
    model_validator,
)

from quartapp import Body, Closed, EventData, ObjectIdInput, ObjectIdString, Timestamp, left_out
from quartapp_attendance.statuses import ANY, CODE_PATTERN
from quartapp_attendance.words import CLASS_ID, SINCE, Told

if TYPE_CHECKING:
    from quartapp_attendance.statuses import Expected, StatusRegistry

NOT_YET = "not yet updated"
# A name that is too long for any class is not found; a much longer one is refused.
LONGEST_TYPED_NAME = 1000
# Names known values where others may come: a convention of Zalando's API guidelines (rule 112).
OPEN_ENUMERATION = "x-extensible-enum"

Count = Annotated[int, Field(ge=0)]


class StartBody(Body):
    """The class whose session is started, by name or by id; the id takes precedence."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["className"]}, {"required": ["classId"]}]}
    )

    class_name: str = left_out(alias="className", max_length=LONGEST_TYPED_NAME)
    class_id: ObjectIdInput = left_out(alias="classId")

    @model_validator(mode="after")
    def _one_is_given(self) -> StartBody:
        if self.class_id is None and self.class_name is None:
            raise ValueError("className or classId is needed")
        return self


class SessionQuery(Body):
    """The choice of a session, for users whom several concern; any text, as in a path."""

    class_id: str = left_out(alias="classId")


class EventsQuery(Body):
    """What a reader of events has already, like the parameters of the socket's address."""

    since: str = left_out(pattern=f"^{SINCE}$")
    class_id: str = left_out(alias="classId", pattern=f"^{CLASS_ID}$")


class SessionEvent(EventData):
    """Data of an event on a session; ``classId`` chooses among several sessions."""

    class_id: ObjectIdInput = left_out(alias="classId")


class MarkEvent(SessionEvent):
    """A teacher's mark."""

    student_id: ObjectIdInput = Field(alias="studentId")
    status: str


class MarkMessage(Closed):
    """A stored mark; the status is null when a mark was taken back."""

    student_id: ObjectIdString = Field(alias="studentId")
    status: str | None


class MarkEventV1(SessionEvent):
    """A teacher's mark in version 1: null takes one back, and ``if`` makes the mark conditional.

    ``if`` repeats what an answer said, so it may be a status that was taken out of the settings.
    """

    student_id: ObjectIdInput = Field(alias="studentId")
    status: str | None
    expected: str | None = Field(None, alias="if")

    @property
    def condition(self) -> Expected:
        """The condition of the mark."""
        return self.expected if "expected" in self.model_fields_set else ANY


class RestEvent(SessionEvent):
    """A status for everybody who has no mark."""

    status: str


class ConflictData(BaseModel):
    """What stands beside ``message`` in the ERROR ``Conflict``."""

    current: str | None = None


class SessionMembers(BaseModel):
    """What stands beside ``event`` and ``data`` in frames about a session."""

    class_id: ObjectIdString = left_out(alias="classId")
    seq: int = left_out(ge=1, json_schema_extra={"format": "int64"})


class StatusAnswer(Closed):
    """A status that marks can have."""

    code: str
    label: str
    key: str | None
    counts_as: Literal["present", "absent"] = Field(alias="countsAs")
    points: Annotated[str, StringConstraints(pattern=r"^[0-9]+(?:\.[0-9]+)?$")] | None
    set_by: list[str] = Field(alias="setBy")


class RestMessage(Closed):
    """The amount of marks that a MARK_REST made."""

    marked: int = Field(ge=0)


class RollMessage(Closed):
    """Marks that were made together, in the order of their numbers."""

    status: str
    student_ids: list[ObjectIdString] = Field(alias="studentIds")


class StartedMessage(Closed):
    """The start of a session."""

    class_id: ObjectIdString = Field(alias="classId")
    class_name: str = Field(alias="className")
    started_at: Timestamp = Field(alias="startedAt")


class EndedMessage(Closed):
    """The end of a session without DONE."""

    outcome: str


class ResumedMessage(Closed):
    """The amount of broadcasts that were sent again."""

    missed: int = Field(ge=0)


class SummaryMessage(Closed):
    """The counts of the marks so far."""

    present: int = Field(ge=0)
    absent: int = Field(ge=0)
    total: int = Field(ge=0)


class CountsByStatus(BaseModel):
    """The number of marks of each status, those that were taken out of the settings included."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, Count]


class MyAttendanceMessage(Closed):
    """A student's own mark."""

    status: str


class DoneMessage(Closed):
    """The end of a session, whose records are stored."""

    message: Literal[Told.PERSISTED]
    present: int = Field(ge=0)
    absent: int = Field(ge=0)
    total: int = Field(ge=0)


class StateMessage(Closed):
    """The live session, for a client that reconnects too late to get the missed broadcasts."""

    class_id: ObjectIdString = Field(alias="classId")
    started_at: Timestamp = Field(alias="startedAt")
    seq: int = Field(ge=1, json_schema_extra={"format": "int64"})
    attendance: dict[ObjectIdString, str]


class MyAttendanceAnswer(Closed):
    """A student's latest record for a class."""

    class_id: ObjectIdString = Field(alias="classId")
    status: str | None


class SessionAnswer(StateMessage):
    """A live session, for a client that reconnects."""

    class_name: str = Field(alias="className")


class Schemas:
    """The models above, with the statuses of one app.

    Requests take the app's statuses and no others. Answers name them, and may have further ones: a
    mark keeps its status when the status is taken out of the settings.

    Args:
        codes: Codes of all statuses of the app.
        by_teacher: Codes that teachers may send.
        is_extended: Whether plugins have registered statuses.

    Attributes:
        status: Type of a status in an answer.
    """

    def __init__(
        self, codes: tuple[str, ...], by_teacher: tuple[str, ...], *, is_extended: bool
    ) -> None:
        status: Any = _open(codes)
        sent: Any = Literal[by_teacher]
        looked_up: Any = status | Literal[NOT_YET]
        self.status = status
        self.mark_event = _narrowed(MarkEvent, status=sent)
        expected = Annotated[status | None, Field(alias="if")]
        self.mark_event_v1 = create_model(
            "MarkEventV1",
            __base__=MarkEventV1,
            __doc__=MarkEventV1.__doc__,
            status=(sent | None, ...),
            expected=(expected, None),
        )
        self.rest_event = _narrowed(RestEvent, status=sent)
        self.roll_message = _narrowed(RollMessage, status=status)
        self.conflict = create_model(
            "ConflictData", __base__=ConflictData, current=(status | None, None)
        )
        self.mark_message = _narrowed(MarkMessage, status=status | None)
        self.my_attendance_message = _narrowed(MyAttendanceMessage, status=looked_up)
        attendance = dict[ObjectIdString, status]
        self.state_message = _narrowed(StateMessage, attendance=attendance)
        self.my_attendance_answer = _narrowed(MyAttendanceAnswer, status=status | None)
        self.session_answer = _narrowed(SessionAnswer, attendance=attendance)
        by_code: dict[str, Any] = {}
        if is_extended:
            numbers = dict.fromkeys(codes, Count)
            by_code["statuses"] = _narrowed(CountsByStatus, **numbers)
        self.summary_message = _narrowed(SummaryMessage, **by_code)
        self.done_message = _narrowed(DoneMessage, **by_code)


def schemas_of(statuses: StatusRegistry) -> Schemas:
    """Return the models with the statuses of one app.

    Args:
        statuses: Statuses of the app.
    """
    return _shared(statuses.codes, statuses.set_by("teacher"), is_extended=statuses.is_extended)


# Models take time to make. Apps of one process share equal ones.
_shared = lru_cache(maxsize=16)(Schemas)


def _open(codes: tuple[str, ...]) -> Any:  # noqa: ANN401 - a type
    """Return the type of a status in an answer, which names the known codes."""
    return Annotated[
        str, Field(pattern=CODE_PATTERN, json_schema_extra={OPEN_ENUMERATION: list(codes)})
    ]


def _narrowed(model: type[BaseModel], **fields: Any) -> type[BaseModel]:  # noqa: ANN401 - types
    given: dict[str, Any] = {name: (kind, ...) for name, kind in fields.items()}
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **given)
