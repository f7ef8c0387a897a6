"""How the operator of a server learns the code of the set-up: by a file, or on the terminal."""

from __future__ import annotations

import json
import os
import secrets
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

import structlog

from quartapp import printable

if TYPE_CHECKING:
    from pathlib import Path

    from quartapp import Settings
    from quartapp_auth.registering.setup import Setup

log = structlog.get_logger("quartapp.auth")

FILE = "setup-code"
PATH = "/api/v1/auth/setup"
COMMAND = "quartapp user create EMAIL --name NAME --role admin"
_ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not listened on


class SetupNotice:
    """Tells the operator the code of the set-up when the server starts.

    With the embedded database, the code is in a file in the data folder, which only its owner can
    read. Whatever the database is, a terminal shows the code too. The log never has the code. With
    another database and without a terminal nobody would learn the code, so there is none, and the
    log names the command that makes accounts.

    Args:
        setup: The set-up.
        settings: Settings of the core.
    """

    def __init__(self, setup: Setup, settings: Settings) -> None:
        self._setup = setup
        self._settings = settings
        self._page: str | None = None
        self._file = settings.data_dir / FILE if settings.embedded else None

    def lead_to(self, page: str) -> None:
        """Show a link to a page in place of the request; called while the app is built.

        Args:
            page: Path of a page that takes the code from behind ``#code=``, which stays in the
                browser.
        """
        self._page = page

    async def tell(self) -> None:
        """Open the set-up and tell the code; or end the set-up, if somebody has an account.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if await self._setup.is_over():
            await self._setup.end()
            self.remove()
            return
        terminal = _terminal()
        if self._file is None and terminal is None:
            log.info("nobody has an account", first_administrator=COMMAND)
            return
        code = await self._setup.open()
        if code is None:
            return
        if self._file is not None and _write(self._file, code):
            log.info(
                "nobody has an account", first_administrator=f"POST {PATH}", code_in=str(self._file)
            )
        if terminal is not None and self._shows_first(terminal):
            _show(terminal, self._request(code))

    def remove(self) -> None:
        """Remove the file with the code, which is of no use any more."""
        if self._file is None:
            return
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot remove the set-up code", file=str(self._file), reason=str(error))

    def _request(self, code: str) -> str:
        if self._page is not None:
            told = (
                "Nobody has an account. On this page you make the first administrator, once:\n"
                f"{self._address()}{self._page}#code={code}"
            )
            return self._with_file(told)
        body = json.dumps({"code": code, "name": "...", "email": "...", "password": "..."})
        request = (
            f"curl {self._address()}{PATH} -H 'Content-Type: application/json' \\\n    -d '{body}'"
        )
        told = (
            f"Nobody has an account. This request makes the first administrator, once:\n{request}"
        )
        return self._with_file(told)

    def _with_file(self, told: str) -> str:
        return told if self._file is None else f"{told}\nThe code is also in {_name(self._file)}."

    def _address(self) -> str:
        scheme = "http" if self._settings.certificate is None else "https"
        host = "localhost" if self._settings.host in _ANY_ADDRESS else self._settings.host
        # A free port is told when the server listens.
        port = self._settings.port or "PORT"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def _shows_first(self, terminal: TextIO) -> bool:
        """Tell whether no other worker of this server shows the code on the terminal."""
        if self._settings.workers == 1:
            return True
        import fcntl  # not on Windows, where a server has one process

        try:
            held = os.open(os.ttyname(terminal.fileno()), os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return True  # a container may not have the terminal's name
        try:
            # The worker keeps the lock until it ends.
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(held)
            return False
        return True


def _terminal() -> TextIO | None:
    """Return the stream of this process that somebody reads on a terminal; None for no such one."""
    for stream in (sys.stderr, sys.stdout):
        if stream is not None and not stream.closed and stream.isatty():
            return stream
    return None


def _show(terminal: TextIO, text: str) -> None:
    encoded = text.encode(terminal.encoding, "replace").decode(terminal.encoding)
    with suppress(OSError):  # the terminal may be closed
        print(encoded, file=terminal, flush=True)


def _write(path: Path, code: str) -> bool:
    """Write the file with the code in one step, whatever was there; tell whether that worked."""
    # Other workers write the same code at the same time.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{code}\n")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        log.warning("cannot write the set-up code", file=str(path), reason=str(error))
        return False
    return True


def _name(path: Path) -> str:
    return printable(str(path))
