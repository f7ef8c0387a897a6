"""Certificates of servers that tests run."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trustme


def presenting(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the context of a server that presents a certificate.

    Args:
        certificate: The certificate, with its key.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context
