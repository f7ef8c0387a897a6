"""The base of all models.

MongoEngine binds models to connections by global names; here :class:`Model` finds its database in
the context instead, so that two apps in one process do not mix.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import mongoengine
import pymongo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.collection import Collection
    from pymongo.database import Database as SyncDatabase

    from quartapp.database.documents import Document

Kind = TypeVar("Kind", bound="Model")

CLASS_FIELD = "_cls"
"""Field in which MongoEngine keeps the class of a document, if the model has subclasses."""

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
    def ensure_indexes(cls) -> None:
        """Make the declared indexes that are missing, for a thread to which the model is bound.

        The inherited method sends a command for each index, and each waits for a majority.
        """
        declared = cls.index_specs()
        # As the inherited method does: who inherits is looked up by the name of the class.
        by_class = any(key == CLASS_FIELD for spec in declared for key, _ in spec["fields"][:1])
        if cls._meta.get("allow_inheritance") and cls._meta.get("index_cls", True) and not by_class:
            declared.append({"fields": [(CLASS_FIELD, pymongo.ASCENDING)]})
        for_all = cls._meta.get("index_opts") or {}
        indexes = []
        for spec in declared:
            options = {**for_all, **spec}
            options.pop("cls", None)  # MongoEngine's own, which MongoDB would refuse
            indexes.append(pymongo.IndexModel(options.pop("fields"), **options))
        if indexes:
            cls._get_collection().create_indexes(indexes)

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
