"""A message to the tutors of a class, and to nobody else."""

from pydantic import Field

from quartapp import Closed, EventData, EventType, ServerMessage, core, hookimpl
from quartapp_attendance import AttendanceService, Audience, NoActiveSessionError


class Word(EventData):
    """The data of a teacher's message."""

    text: str = Field(max_length=200)


class Said(Closed):
    """The message to the tutors of the class."""

    text: str


async def tell_tutors(connection, data):
    service = core().services.get(AttendanceService)
    session = await service.session_for(connection.principal, None)
    await service.show(session, "TUTORS_TOLD", {"text": data.text}, to="tutors")


class TutorsPlugin:
    """Knows the tutors of each class."""

    name = "tutors"
    requires = ("attendance",)

    def __init__(self):
        self.tutors = {}

    async def members(self, session):
        return {session.teacher_id, *self.tutors.get(session.class_id, ())}

    @hookimpl
    def register_audiences(self):
        return [Audience("tutors", self.members)]

    @hookimpl
    def register_events(self):
        told = ServerMessage(
            name="TUTORS_TOLD", data=Said, to_all=True, summary="A word to the tutors of a class."
        )
        return [
            EventType(
                name="TELL_TUTORS",
                role="teacher",
                data=Word,
                handler=tell_tutors,
                answers=(told,),
                errors={NoActiveSessionError: "No active attendance session"},
                summary="Say something to the tutors.",
            )
        ]
