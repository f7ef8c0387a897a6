"""The base of all models.

MongoEngine binds models to connections by global names; here :class:`Model` finds its database in
the context instead, so that two apps in one process do not mix.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import mongoengine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.collection import Collection
    from pymongo.database import Database as SyncDatabase

    from quartapp.database.documents import Document

Kind = TypeVar("Kind", bound="Model")

_bound: ContextVar[SyncDatabase[Document]] = ContextVar("quartapp_database")


class Model(mongoengine.Document):  # type: ignore[misc]
    """Base of the plugins' documents, which uses the database of the app in the context."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True, "auto_create_index": False}

    @classmethod
    def collection(cls) -> str:
        """Return the name of the collection."""
        name: str = cls._get_collection_name()
        return name

    @classmethod
    def index_specs(cls) -> list[dict[str, Any]]:
        """Return each declared index as a dict with ``fields``, their order, and the options."""
        return [dict(spec) for spec in cls._meta["index_specs"]]

    @classmethod
    def _get_db(cls) -> SyncDatabase[Document]:
        return _bound.get()

    @classmethod
    def _get_collection(cls) -> Collection[Document]:
        # The inherited method caches the first collection in the class, for all apps.
        return _bound.get()[cls._get_collection_name()]


@contextmanager
def bound_to(database: SyncDatabase[Document]) -> Iterator[None]:
    """Let models use a database during the block, in this thread.

    Args:
        database: The database, with the synchronous interface.
    """
    token = _bound.set(database)
    try:
        yield
    finally:
        _bound.reset(token)


def built(model: type[Kind], document: Document) -> Kind:
    """Return a model's object for a document that PyMongo has read.

    Args:
        model: Model of the document.
        document: The whole document.
    """
    made: Kind = model._from_son(document)  # noqa: SLF001 - MongoEngine's builder
    return made
