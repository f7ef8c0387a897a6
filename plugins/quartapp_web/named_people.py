"""People as the office types them: by a name, an address or a username."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import core, name_key
from quartapp_auth import Administration, UserNotFoundError, UserService
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quartapp_auth import User

LONGEST = 254
# As many people as a school can have of one name.
_READ = 500

NOBODY = _("Nobody with this name, address or username was found.")
SEVERAL = _("Several people have this name. Type the e-mail address or the username.")


class UnclearPersonError(Exception):
    """What was typed names nobody, or several people; the message tells which, in English."""


async def person_named(text: str, role: str | None = None) -> User:
    """Return the person of a role whom somebody means.

    Args:
        text: Address, username or whole name, also with the last name and a comma before. Case does
            not count.
        role: The person's role; None for any.

    Raises:
        UnclearPersonError: There is no such person, or there are several of that name.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    typed = " ".join(text.split())
    if not typed or len(typed) > LONGEST:
        raise UnclearPersonError(NOBODY)
    try:
        found = await core().services.get(UserService).by_identifier(typed.lower())
    except UserNotFoundError:
        return await _of_name(typed, role)
    return found if role in (None, found.role) else await _of_name(typed, role)


async def _of_name(typed: str, role: str | None) -> User:
    last, comma, first = typed.partition(",")
    name = f"{first.strip()} {last.strip()}" if comma else typed
    people = await core().services.get(Administration).people(name, role, _READ)
    same = [one for one in people if name_key(one.display_name) == name_key(name)]
    # Who is disabled is meant only where nobody else has the name.
    meant = [one for one in same if not one.disabled] or same
    if not meant:
        raise UnclearPersonError(NOBODY)
    if len(meant) > 1:
        raise UnclearPersonError(SEVERAL)
    return meant[0]
