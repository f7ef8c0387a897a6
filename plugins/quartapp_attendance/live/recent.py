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
        self._frames: deque[tuple[int, str]] = deque()
        self._characters = 0
        self._after = seq
        self._from_beginning = from_beginning

    def add(self, seq: int, frame: str) -> None:
        """``frame`` was broadcast under number ``seq``."""
        self._frames.append((seq, frame))
        self._characters += len(frame)
        while self._characters > KEPT_CHARACTERS:
            self._after, gone = self._frames.popleft()
            self._characters -= len(gone)
            self._from_beginning = False

    def restart(self, seq: int) -> None:
        """Something up to number ``seq`` was missed here too."""
        self._frames.clear()
        self._characters = 0
        self._after = seq
        self._from_beginning = False

    def since(self, seq: int) -> list[str] | None:
        """What was broadcast after number ``seq``, in order; None when that is not known.

        Args:
            seq: A number of the session; 0 for all of it.
        """
        if seq == 0 and self._from_beginning:
            seq = self._after
        if seq < self._after:
            return None
        return [frame for number, frame in self._frames if number > seq]
