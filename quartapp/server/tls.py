"""The certificate with which the server itself speaks TLS."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from quartapp.server.listening import ServerError

if TYPE_CHECKING:
    from pathlib import Path

    from quartapp.settings.core import Settings


def certificate_of(settings: Settings) -> tuple[str, str] | None:
    """Return the paths of the certificate and its key, or None for plain HTTP.

    Args:
        settings: Settings that may name the two files.

    Raises:
        ServerError: One file is named without the other, a file cannot be read, or the files are
            not a certificate and its unencrypted key.
    """
    certificate, key = settings.certificate, settings.key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "--certificate" if certificate is None else "--key"
        raise ServerError(f"TLS needs a certificate and its key: {missing} is missing")
    for what, path in (("certificate", certificate), ("key", key)):
        _ensure_readable(what, path)
    try:
        # An empty password: an encrypted key would else be asked for on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise ServerError(
            f"{certificate} and {key} are not a certificate and its unencrypted key in PEM"
        ) from error
    return str(certificate), str(key)


def _ensure_readable(what: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ServerError(f"cannot read the {what} {path}: {error.strerror}") from error
