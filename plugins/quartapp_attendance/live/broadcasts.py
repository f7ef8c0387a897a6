"""The last broadcasts of a session, for clients that reconnect after a short absence."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quartapp import Broadcast, Version

# About 1,200 marks; half of a connection's outbox, so that a client that reconnects can take all.
KEPT_CHARACTERS = 128 * 1024


@dataclass(frozen=True, slots=True)
class _Kept:
    first: int
    last: int
    broadcast: Broadcast
    characters: int
    to: frozenset[str] | None


class KeptBroadcasts:
    """The last broadcasts of a session, by number.

    Args:
        seq: Number of the session's last change before the first broadcast.
        from_beginning: Whether the change with number ``seq`` began the session.
    """

    __slots__ = ("_after", "_characters", "_from_beginning", "_kept")

    def __init__(self, seq: int, *, from_beginning: bool) -> None:
        self._kept: deque[_Kept] = deque()
        self._characters = 0
        self._after = seq
        self._from_beginning = from_beginning

    def add(
        self, last: int, broadcast: Broadcast, to: frozenset[str] | None = None, numbers: int = 1
    ) -> None:
        """Keep a broadcast.

        Args:
            last: Number under which the broadcast was shown; its last one, if it has several.
            broadcast: The broadcast.
            to: Ids of the users who got the broadcast; None when the whole session did.
            numbers: Amount of numbers of the broadcast.
        """
        characters = broadcast.characters
        self._kept.append(_Kept(last - numbers + 1, last, broadcast, characters, to))
        self._characters += characters
        while self._characters > KEPT_CHARACTERS:
            gone = self._kept.popleft()
            self._after = gone.last
            self._characters -= gone.characters
            self._from_beginning = False

    def restart(self, seq: int) -> None:
        """Forget all broadcasts, as this process has missed some.

        Args:
            seq: Number of the last change that was missed.
        """
        self._kept.clear()
        self._characters = 0
        self._after = seq
        self._from_beginning = False

    def knows(self, seq: int) -> bool:
        """Tell whether all broadcasts after a number are kept."""
        return seq >= self._after or (seq == 0 and self._from_beginning)

    def since(self, seq: int, user_id: str, version: Version = 0) -> list[str] | None:
        """Return the frames that a user was shown after a number, in order.

        Args:
            seq: A number of the session; 0 for the whole session.
            user_id: Id of the user who reconnects.
            version: Version of the user's frames.

        Returns:
            The frames; None when frames after ``seq`` are no longer kept.
        """
        if not self.knows(seq):
            return None
        frames: list[str] = []
        for kept in self._kept:
            if kept.last <= seq or (kept.to is not None and user_id not in kept.to):
                continue
            form = kept.broadcast.frames(version)
            # A client that has some frames of a broadcast has lost the others of it.
            whole = len(form) != kept.last - kept.first + 1
            frames += form if whole else form[max(seq - kept.first + 1, 0) :]
        return frames

    def at(self, seq: int) -> Broadcast | None:
        """Return the broadcast with a number; None when the broadcast is no longer kept."""
        return next((kept.broadcast for kept in self._kept if kept.last == seq), None)
