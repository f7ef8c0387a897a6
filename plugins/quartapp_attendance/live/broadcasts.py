"""The last broadcasts of a session, for clients that reconnect after a short absence."""

from __future__ import annotations

from collections import deque

# About 1,200 marks; half of a connection's outbox, so that a client that reconnects can take all.
KEPT_CHARACTERS = 128 * 1024


class KeptBroadcasts:
    """The last broadcast frames of a session, by number.

    Args:
        seq: Number of the session's last change before the first frame.
        from_beginning: Whether the change with number ``seq`` began the session.
    """

    __slots__ = ("_after", "_characters", "_frames", "_from_beginning")

    def __init__(self, seq: int, *, from_beginning: bool) -> None:
        self._frames: deque[tuple[int, str, frozenset[str] | None]] = deque()
        self._characters = 0
        self._after = seq
        self._from_beginning = from_beginning

    def add(self, seq: int, frame: str, to: frozenset[str] | None = None) -> None:
        """Keep a frame.

        Args:
            seq: Number under which the frame was broadcast.
            frame: The frame.
            to: Ids of the users who got the frame; None when the whole session did.
        """
        self._frames.append((seq, frame, to))
        self._characters += len(frame)
        while self._characters > KEPT_CHARACTERS:
            self._after, gone, _ = self._frames.popleft()
            self._characters -= len(gone)
            self._from_beginning = False

    def restart(self, seq: int) -> None:
        """Forget all frames, as this process has missed some.

        Args:
            seq: Number of the last change that was missed.
        """
        self._frames.clear()
        self._characters = 0
        self._after = seq
        self._from_beginning = False

    def since(self, seq: int, user_id: str) -> list[str] | None:
        """Return the frames that a user was shown after a number, in order.

        Args:
            seq: A number of the session; 0 for the whole session.
            user_id: Id of the user who reconnects.

        Returns:
            The frames; None when frames after ``seq`` are no longer kept.
        """
        if seq == 0 and self._from_beginning:
            seq = self._after
        if seq < self._after:
            return None
        return [
            frame
            for number, frame, to in self._frames
            if number > seq and (to is None or user_id in to)
        ]
