"""The codes, and the rules of their use. This module knows no requests and no frames."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from quartapp import client_address
from quartapp_attendance import ConflictError, Mark
from quartapp_checkin.errors import CheckInRefusedError
from quartapp_checkin.schemas import DIGITS

if TYPE_CHECKING:
    from quartapp import Clock, Database, Principal
    from quartapp_attendance import ActiveSession, AttendanceService
    from quartapp_checkin.settings import CheckinSettings

COLLECTION = "checkin_attempts"
VIA = "checkin"
STEPS_AHEAD = 1


class CheckinService:
    """Check-in codes of live sessions.

    A code is a truncated HMAC of the session and the time step, similar to RFC 6238: every process
    computes the same code, and no code is stored.

    Args:
        database: Database in which attempts are counted.
        attendance: Service that stores marks.
        settings: Lifetime of codes, limits and networks.
        secret: Key from which codes are derived.
        clock: Clock that decides which code is current, and when attempts expire.
    """

    def __init__(
        self,
        database: Database,
        attendance: AttendanceService,
        settings: CheckinSettings,
        secret: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._attendance = attendance
        self._settings = settings
        self._clock = clock
        # A separate key: the codes are shown to everybody, and must reveal nothing about the token
        # key.
        self._key = hmac.digest(secret.encode(), b"quartapp check-in", "sha256")

    def code(self, session: ActiveSession, at: float | None = None) -> tuple[str, float]:
        """Return the code of a session, and the time until the next code, in seconds.

        Args:
            session: The session.
            at: Time of the code, in seconds since the epoch; None for now.
        """
        moment = self._clock.time() if at is None else at
        step, into = divmod(moment, self._settings.step_seconds)
        return self._code_of(session, int(step)), self._settings.step_seconds - into

    async def check_in(
        self, session: ActiveSession, student: Principal, code: str, address: str | None
    ) -> None:
        """Mark a student present.

        Args:
            session: The session.
            student: The student.
            code: The code that the student typed or scanned.
            address: Network address of the student; None where the server knows none.

        Raises:
            CheckInRefusedError: The network is not allowed, the student has made too many attempts
                or is marked already, or the code is wrong.
            NoActiveSessionError: The session is over.
            NotOnRollError: The student is not on the roll.
            DatabaseUnavailableError: The mark could not be stored.
        """
        if not self._is_inside(address):
            raise CheckInRefusedError("Check-in is not possible from this network")
        await self._count_attempt(session, student)
        if not self._is_current(session, code):
            raise CheckInRefusedError("Check-in code is wrong or has expired")
        mark = Mark(student.id, "present", student.id, VIA)
        try:
            # A check-in never changes a mark that exists, as a teacher may have made it.
            await self._attendance.mark(session, mark, expected=None)
        except ConflictError as error:
            raise CheckInRefusedError("You are marked already") from error

    def _code_of(self, session: ActiveSession, step: int) -> str:
        message = session.id.binary + step.to_bytes(8, "big")
        digest = hmac.digest(self._key, message, hashlib.sha256)
        offset = digest[-1] & 0xF
        number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
        return str(number % 10**DIGITS).zfill(DIGITS)

    def _is_current(self, session: ActiveSession, code: str) -> bool:
        step = int(self._clock.time() // self._settings.step_seconds)
        matches = 0
        # All accepted codes are compared, so that the time taken reveals nothing.
        # The next code is among them: the client that shows the code and the server may differ.
        ahead = min(self._settings.tolerance_steps, STEPS_AHEAD)
        for age in range(-ahead, self._settings.tolerance_steps + 1):
            matches += hmac.compare_digest(code, self._code_of(session, step - age))
        return matches > 0

    def _is_inside(self, address: str | None) -> bool:
        if not self._settings.subnets:
            return True
        here = client_address(address)
        return here is not None and any(here in network for network in self._settings.subnets)

    async def _count_attempt(self, session: ActiveSession, student: Principal) -> None:
        """Count an attempt in the database, so that the limit holds across processes."""
        window = int(self._clock.time() // self._settings.attempts_seconds)
        key = {"session": session.id, "student": student.id, "window": window}
        until = self._clock.now() + timedelta(seconds=2 * self._settings.attempts_seconds)
        async with self._database.operation():
            attempts = self._database.documents[COLLECTION]
            counting = {"$inc": {"count": 1}, "$setOnInsert": {"until": until}}
            try:
                counted = await attempts.find_one_and_update(
                    {"_id": key}, counting, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                # Another request inserted the first attempt at the same time; its document exists
                # now.
                counted = await attempts.find_one_and_update(
                    {"_id": key}, counting, return_document=ReturnDocument.AFTER
                )
        if counted is not None and counted["count"] > self._settings.attempts:
            raise CheckInRefusedError("Too many attempts, wait a moment")
