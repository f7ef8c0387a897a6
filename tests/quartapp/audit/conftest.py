"""A plugin with actions of its own, and what tests ask of its audit."""

from __future__ import annotations

import pytest

from quartapp import AuditAction, core
from quartapp.audit.verification import Verification

LENT = AuditAction("library.lent", about=("reader", "book"), values=("days", "state"))


class Library:
    name = "library"
    audited = (LENT,)


@pytest.fixture
def library():
    return Library


@pytest.fixture
def lent():
    """Return a function that makes an entry: ``lent("reader", days=14)``."""

    def entry(reader="reader", by=None, **values):
        return LENT.entry(by, about={"reader": reader}, after=values)

    return entry


@pytest.fixture
def verified():
    """Return a function that verifies the audit of a server."""

    async def verify(server, kept=None):
        parts = core(server.app)
        await parts.audit.close()
        return await Verification(parts.database, parts.clock).run(kept)

    return verify


@pytest.fixture
def entries():
    """Return a function that reads the linked entries of a server, in their order."""

    async def read(server, **query):
        found = server.documents["audit"].find(query).sort([("day", 1), ("number", 1)])
        return await found.to_list()

    return read
