"""The contents of the database, copied into the store for the comparison with a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp_auth import BulkAccounts
from quartapp_classes import BulkClasses
from quartapp_oneroster.enrolments import Enrolments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp import Database
    from quartapp_auth import AccountEntry
    from quartapp_oneroster.progress import Progress
    from quartapp_oneroster.store import Store


async def take(database: Database, store: Store, progress: Progress) -> None:
    """Read every account, class, roll and imported enrolment into the store.

    Args:
        database: The database, open.
        store: Store for the copy. An earlier copy, and the plan made from it, are dropped.
        progress: Display of the progress.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    store.forget_plan()
    async with database.operation():
        counts = [
            await database.documents[name].estimated_document_count()
            for name in ("users", "classes", Enrolments.collection)
        ]
    with progress.phase("Reading the database", sum(counts)):
        async for accounts in BulkAccounts(database).pages():
            store.add(
                "d_users",
                [row for account in accounts for row in _rows(account)],
            )
            progress.advance(len(accounts))
        async for classes in BulkClasses(database).pages():
            store.add(
                "d_classes",
                [(c.id.binary, c.sourced_id, c.teacher_id.binary, c.name) for c in classes],
            )
            store.add(
                "d_staff",
                {
                    (c.id.binary, user.binary): (c.id.binary, user.binary, until)
                    for c in classes
                    for user, until in c.co_teachers
                }.values(),
            )
            # Each student once: a roll is a set, whatever wrote the document.
            pairs: set[tuple[Any, ...]] = {  # Any: what SQLite stores
                (c.id.binary, student.binary) for c in classes for student in c.students_ids
            }
            store.add("d_rolls", pairs)
            progress.advance(len(classes))
        async for enrolments in Enrolments(database).pages():
            store.add(
                "d_enrolments",
                [
                    (e.sourced_id, e.class_id, e.user, e.role, e.primary, e.begin, e.end)
                    for e in enrolments
                ],
            )
            progress.advance(len(enrolments))


def _rows(account: AccountEntry) -> Iterator[tuple[Any, ...]]:  # Any: what SQLite stores
    """Yield a row for each ``sourcedId`` of an account, and one for an account without any."""
    for number, sourced_id in enumerate((account.sourced_id, *account.other_sourced_ids)):
        yield (
            *(account.id.binary, sourced_id, account.sourced_id, number == 0, account.email),
            *(account.role, account.display_name, account.disabled, account.username),
            *(account.contact_email, account.gone, account.vouched),
        )
