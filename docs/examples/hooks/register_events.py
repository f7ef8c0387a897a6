"""A student raises a hand, and everybody connected sees it."""

from pydantic import Field

from quartapp import Closed, EventData, EventType, ServerMessage, core, encode, hookimpl


class RaiseHand(EventData):
    """The data of the student's frame."""

    question: str = Field(max_length=200)


class HandRaised(Closed):
    """The data of the broadcast."""

    student_id: str = Field(alias="studentId")
    question: str


async def raise_hand(connection, data):
    shown = {"studentId": connection.principal.id, "question": data.question}
    core().hub.broadcast(encode("HAND_RAISED", shown))


class HandsPlugin:
    """Adds an event."""

    name = "hands"

    @hookimpl
    def register_events(self):
        answer = ServerMessage(
            name="HAND_RAISED", data=HandRaised, to_all=True, summary="Somebody has a question."
        )
        return [
            EventType(
                name="RAISE_HAND",
                role="student",
                data=RaiseHand,
                handler=raise_hand,
                answers=(answer,),
                summary="Ask for the word.",
            )
        ]
