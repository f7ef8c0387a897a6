"""What the tests of guardians share: an office on a day that the test turns, and a mail server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from quartapp import core
from quartapp.testing import TurnedClock
from quartapp_guardians.notices import Notices
from tests.plugins.quartapp_office.conftest import Desk
from tests.support.mail_server import MailServer

if TYPE_CHECKING:
    from quartapp.testing import Person

# A day that no index has to forget, ten minutes before midnight.
BEGINS = datetime(2100, 1, 4, 23, 50, tzinfo=UTC)
TODAY = "2100-01-04"
MARY = {"name": "Mary Hopper", "email": "Mary@home.example", "language": "en"}
WALTER = {"name": "Walter Hopper", "email": "walter@home.example", "language": "de"}


@dataclass
class Office(Desk):
    """An office with a mail server and a clock."""

    clock: TurnedClock
    mail_server: MailServer
    eventually: Any

    def path(self, student: Person, guardian: str | None = None) -> str:
        at = f"/student/{student.id}/guardians"
        return at if guardian is None else f"{at}/{guardian}"

    async def add(self, student: Person, **fields: Any) -> Any:
        return await self.done("POST", self.path(student), {**MARY, **fields})

    async def notices(self, **query: Any) -> Any:
        return await self.done("GET", "/attendance/notices", params=query)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Recipient and text of each mail that was taken."""
        return [(mail.recipients[0], mail.text) for mail in self.mail_server.mails]

    async def look(self) -> None:
        """Let the server look for absences, as it does twice in a minute."""
        await core(self.server.app).services.get(Notices).order_due()

    async def until(self, question: Any, step: float = 1.0) -> Any:
        """Wait for a condition, while the clock goes on between deliveries."""
        outbox = self.server.documents["outbox"]

        async def turned() -> Any:
            if answer := await question():
                return answer
            # Never in a delivery, which has an end by this clock.
            if not await outbox.count_documents({"claim": {"$exists": True}}):
                await self.clock.advance(step)
            return None

        return await self.eventually(turned)

    async def settled(self, number: int = 0) -> None:
        """Wait until nothing waits in the outbox, and as many mails have come."""

        async def nothing_waits() -> bool:
            waiting = {"lane": {"$exists": True}}
            return len(self.mail_server.mails) >= number and not await self.server.documents[
                "outbox"
            ].count_documents(waiting)

        await self.until(nothing_waits)
        assert len(self.mail_server.mails) == number

    async def failed_once(self) -> None:
        """Wait until a delivery has failed."""
        outbox = self.server.documents["outbox"]

        async def failed() -> bool:
            query = {"attempts": {"$gte": 1}, "claim": {"$exists": False}}
            return bool(await outbox.count_documents(query))

        await self.eventually(failed)


@pytest.fixture
async def mail_server():
    """A mail server of this machine, to which nobody signs in."""
    server = MailServer()
    await server.open()
    yield server
    await server.close()


@pytest.fixture
def configure(monkeypatch, mail_server):
    """Set the settings of guardians, and of the mail: ``configure(notices=True)``."""

    def to_environment(**settings):
        mail = {
            "smtp_host": "127.0.0.1",
            "smtp_port": mail_server.port,
            "smtp_security": "none",
            "mail_from": "attendance@school.example",
            "reset_page": "https://attendance.school.example/reset",
        }
        for plugin, values in (("mail", mail), ("guardians", settings)):
            for name, value in values.items():
                text = value if isinstance(value, str) else json.dumps(value)
                monkeypatch.setenv(f"QUARTAPP_{plugin.upper()}_{name.upper()}", text)

    return to_environment


@pytest.fixture
def office(serve, configure, mail_server, eventually):
    """Opens an office: ``await office(notices=True)``, with the settings of the plugin."""
    clock = TurnedClock(BEGINS)

    async def opened(*, beside=(), **settings):
        usual = {"notice_from": "00:00", "notice_minutes": 0}
        configure(**{**usual, **settings})
        server = await serve(
            extra_plugins=("mail", "guardians"), clock=clock, timezone="UTC", beside=beside
        )
        # The turned clock ends connections that wait for a further request.
        server.api.headers["Connection"] = "close"
        admin = await server.person("admin")
        return Office(server, admin, clock, mail_server, eventually)

    return opened
