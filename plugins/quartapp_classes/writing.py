"""The one way in which a change of a class is stored and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import DatabaseUnavailableError, PreconditionFailedError
from quartapp_classes.audited import entries_of
from quartapp_classes.models import ClassRoom
from quartapp_classes.versions import version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bson import ObjectId

    from quartapp import AuditEntry, Database, Document, Plugins
    from quartapp_classes.watch import ClassWatch


class ClassWriter:
    """Stores changes of classes, and tells plugins of them.

    Args:
        database: The database that has the classes.
        plugins: The plugins that receive events.
        watch: Watch that has the copies of a changed class dropped.
    """

    def __init__(self, database: Database, plugins: Plugins, watch: ClassWatch) -> None:
        self._database = database
        self._plugins = plugins
        self._watch = watch

    async def update(
        self,
        query: Document,
        changes: Document | list[Document],
        event: object = None,
        audited: Callable[[ClassRoom], list[AuditEntry]] | None = None,
    ) -> ClassRoom | None:
        """Change a class, and tell of it if it was changed.

        Args:
            query: Finds the class.
            changes: Update operators, or the stages of a pipeline.
            event: What the change makes happen; None if plugins need not know.
            audited: Function that returns the entries for the audit, by the changed class; None
                for those of the event.

        Returns:
            The changed class; None when the query finds none.

        Raises:
            DuplicateKeyError: The teacher has another class with the name.
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin failed in the hook ``members_changed``.
        """
        events = [] if event is None else [event]
        changed = await self._plugins.changes.stored(
            events,
            lambda: self._database.change(ClassRoom, query, changes),
            audited=audited or entries_of(event),
        )
        if changed is not None:
            self._watch.forget(changed.id)
            await members_changed(self._plugins, [changed.id])
            for happened in events:
                await self._plugins.on_event(happened)
        return changed


async def members_changed(plugins: Plugins, class_ids: Collection[ObjectId]) -> None:
    """Let plugins act on changed members, before whoever changed them is answered.

    Args:
        plugins: The plugins.
        class_ids: ``_id`` of each class.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
        HookFailedError: A plugin failed.
    """
    await plugins.dispatcher.collect(
        "members_changed",
        passing=(DatabaseUnavailableError,),
        class_ids=[str(class_id) for class_id in class_ids],
    )


def check(class_room: ClassRoom, expected: Collection[str] | None) -> None:
    """Refuse a change of a class that has none of the expected versions.

    Args:
        class_room: The class.
        expected: The versions; None for any.

    Raises:
        PreconditionFailedError: The class has another version.
    """
    if expected is not None and version_of(class_room) not in expected:
        raise PreconditionFailedError
