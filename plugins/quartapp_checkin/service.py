"""Codes, and who may use them. Knows no request and no frame."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from quartapp_attendance import Mark
from quartapp_checkin.errors import CheckInRefusedError
from quartapp_checkin.schemas import DIGITS

if TYPE_CHECKING:
    from quartapp import Clock, Database, Principal
    from quartapp_attendance import ActiveSession, AttendanceService
    from quartapp_checkin.settings import CheckinSettings

COLLECTION = "checkin_attempts"
VIA = "checkin"


class CheckinService:
    """Check-in codes of live sessions.

    A code is a truncated HMAC of the session and the time step, in the manner of RFC 6238: every
    process computes the same one, and none is stored.

    Args:
        database: Where attempts are counted.
        attendance: Where marks go.
        settings: How long codes live, and who may use them.
        secret: Key that codes are derived from.
        clock: Decides which code is shown, and how many attempts are left.
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
        # Not the token key itself: what is shown on a wall must say nothing about it.
        self._key = hmac.digest(secret.encode(), b"quartapp check-in", "sha256")

    def code(self, session: ActiveSession, at: float | None = None) -> tuple[str, float]:
        """The code of a session, and for how many seconds it will be shown.

        Args:
            session: Whose.
            at: When, in seconds since the epoch; now if left out.
        """
        moment = self._clock.time() if at is None else at
        step, into = divmod(moment, self._settings.step_seconds)
        return self._code_of(session, int(step)), self._settings.step_seconds - into

    async def check_in(
        self, session: ActiveSession, student: Principal, code: str, address: str | None
    ) -> None:
        """Mark ``student`` present.

        Args:
            session: Where.
            student: Who.
            code: What they typed or scanned.
            address: The network address they are at.

        Raises:
            CheckInRefusedError: Wrong network, too many attempts, a wrong code, marked already.
            NoActiveSessionError: The session is over.
            NotOnRollError: The student is not on the roll.
            DatabaseUnavailableError: The mark could not be stored.
        """
        if not self._is_inside(address):
            raise CheckInRefusedError("Check-in is not possible from this network")
        await self._count_attempt(session, student)
        if not self._is_current(session, code):
            raise CheckInRefusedError("Check-in code is wrong or has expired")
        # What a teacher has said stands.
        if student.id in session.attendance:
            raise CheckInRefusedError("You are marked already")
        await self._attendance.mark(session, Mark(student.id, "present", student.id, VIA))

    def _code_of(self, session: ActiveSession, step: int) -> str:
        message = session.id.binary + step.to_bytes(8, "big")
        digest = hmac.digest(self._key, message, hashlib.sha256)
        offset = digest[-1] & 0xF
        number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
        return str(number % 10**DIGITS).zfill(DIGITS)

    def _is_current(self, session: ActiveSession, code: str) -> bool:
        step = int(self._clock.time() // self._settings.step_seconds)
        matches = 0
        # Every candidate is compared, so that the time taken says nothing.
        for age in range(self._settings.tolerance_steps + 1):
            matches += hmac.compare_digest(code, self._code_of(session, step - age))
        return matches > 0

    def _is_inside(self, address: str | None) -> bool:
        if not self._settings.subnets:
            return True
        try:
            here = ip_address(address or "")
        except ValueError:
            return False
        # An IPv4 peer of an IPv6 socket looks like ::ffff:10.0.0.1.
        here = getattr(here, "ipv4_mapped", None) or here
        return any(here in network for network in self._settings.subnets)

    async def _count_attempt(self, session: ActiveSession, student: Principal) -> None:
        """Count in the database, so that several processes allow no more than one does."""
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
                # Two first attempts at once: now it is there.
                counted = await attempts.find_one_and_update(
                    {"_id": key}, counting, return_document=ReturnDocument.AFTER
                )
        if counted is not None and counted["count"] > self._settings.attempts:
            raise CheckInRefusedError("Too many attempts, wait a moment")
