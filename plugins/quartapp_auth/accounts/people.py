"""What other plugins ask about people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bson import ObjectId

    from quartapp_auth.accounts.users import Contact, User


class People(Protocol):
    """What classes and rolls need to know about people; :class:`UserService` is one.

    A plugin that stands for this one (``provides = "auth"``) offers its own in
    ``register_services`` with ``services.add(people, as_=People)``. Every method may raise
    :class:`~quartapp.DatabaseUnavailableError`, which is answered 503.
    """

    async def get(self, user_id: str) -> User:
        """Return an account.

        Args:
            user_id: ``_id`` of the account.

        Raises:
            UserNotFoundError: The account does not exist.
        """

    async def contacts(self, user_ids: Iterable[ObjectId]) -> Mapping[ObjectId, Contact]:
        """Return names and addresses by id; deleted accounts are left out.

        Args:
            user_ids: ``_id`` of each account.
        """

    async def students(
        self, search: str | None = None, limit: int | None = None, after: str | None = None
    ) -> list[User]:
        """Return students, sorted by ``_id``.

        Args:
            search: Start of a name or an address, in any case; None for every student.
            limit: Largest number of students; None for no limit.
            after: ``_id`` after which the list starts; None for the beginning.
        """
