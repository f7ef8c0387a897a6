"""The last broadcasts of a session, for those who were away for a moment."""

from __future__ import annotations

from collections import deque

# Some 1,200 marks; half of what a connection's outbox holds, so that who comes back can take it.
KEPT_CHARACTERS = 128 * 1024


class Recent:
    """Frames by their number in the session.

    Args:
        seq: Number of the session's last change before the first frame.
        from_beginning: Whether that change began the session.
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
            seq: Number under which it was broadcast.
            frame: The frame.
            to: Ids of the users who got it; None when everybody in the session did.
        """
        self._frames.append((seq, frame, to))
        self._characters += len(frame)
        while self._characters > KEPT_CHARACTERS:
            self._after, gone, _ = self._frames.popleft()
            self._characters -= len(gone)
            self._from_beginning = False

    def restart(self, seq: int) -> None:
        """Something up to number ``seq`` was missed here too."""
        self._frames.clear()
        self._characters = 0
        self._after = seq
        self._from_beginning = False

    def since(self, seq: int, user_id: str) -> list[str] | None:
        """Return what somebody was shown after number ``seq``, in order.

        Args:
            seq: A number of the session; 0 for all of it.
            user_id: Who comes back.

        Returns:
            The frames; None when what followed that number is not known any more.
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
