"""Broadcasts in the form of each version of frames, encoded when a socket first needs the form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from quartapp.encoding import to_json
from quartapp.realtime.messages import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Version = Literal[0, 1]
"""Version of the frames of a socket: 0 for a socket that does not ask for a version."""


class Broadcast:
    """Frames for many sockets.

    Args:
        plain: Function that returns the frames for sockets that do not ask for a version.
        full: Function that returns the frames for sockets of version 1.
        sender: Id of the connection whose frame led to the broadcast; None for no connection.
        ref: Reference of that frame, which the copies for the sender carry; None without one.
    """

    __slots__ = ("_forms", "_makers", "ref", "sender")

    def __init__(
        self,
        plain: Callable[[], Sequence[str]],
        full: Callable[[], Sequence[str]],
        *,
        sender: str | None = None,
        ref: str | None = None,
    ) -> None:
        self._makers = (plain, full)
        self._forms: list[Sequence[str] | None] = [None, None]
        self.sender = sender
        self.ref = ref

    @classmethod
    def of(
        cls,
        name: str,
        data: Mapping[str, object],
        beside: Mapping[str, object],
        *,
        always: bool = False,
        sender: str | None = None,
        ref: str | None = None,
    ) -> Broadcast:
        """Return the broadcast of one event.

        Args:
            name: Value of ``event``.
            data: Value of ``data``.
            beside: Further members of the frame, in version 1.
            always: Whether frames without a version have the further members too.
            sender: As for the class.
            ref: As for the class.
        """
        plainly = beside if always else {}
        return cls(
            lambda: (encode(name, data, plainly),),
            lambda: (encode(name, data, beside),),
            sender=sender,
            ref=ref,
        )

    def frames(self, version: Version) -> Sequence[str]:
        """Return the frames in the form of a version."""
        form = self._forms[version]
        if form is None:
            form = self._forms[version] = self._makers[version]()
        return form

    def answer(self, connection: str) -> Sequence[str]:
        """Return the frames of version 1 for a connection, with its reference if it is the sender.

        Args:
            connection: Id of the connection.
        """
        frames = self.frames(1)
        if self.ref is None or connection != self.sender:
            return frames
        return [with_member(frame, "ref", self.ref) for frame in frames]

    def answering(self, connection: str, ref: str) -> Broadcast:
        """Return the same broadcast as the answer to another frame.

        Args:
            connection: Id of the connection that the frame came from.
            ref: Reference of the frame.
        """
        return Broadcast(lambda: self.frames(0), lambda: self.frames(1), sender=connection, ref=ref)

    @property
    def characters(self) -> int:
        """Size of the frames in a form that is encoded already, else in version 1."""
        form = self._forms[0] or self.frames(1)
        return sum(map(len, form))


def with_member(frame: str, name: str, value: object) -> str:
    """Return an encoded frame with one more member.

    Args:
        frame: The encoded frame.
        name: Name of the member.
        value: Value of the member.
    """
    return f"{frame[:-1]},{to_json({name: value})[1:]}"
