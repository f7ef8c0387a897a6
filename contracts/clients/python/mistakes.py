"""What the types have to find: each line with a comment is a mistake.

One that goes unnoticed makes its comment an error (mypy: unused-ignore).
"""

from __future__ import annotations

from quartapp_client import Client
from quartapp_client.api.class_ import create_class
from quartapp_client.models import Class, ClassNaming, Credentials, Role, User


def mistakes(user: User, found: Class) -> None:
    """Never called."""
    Credentials(mail="", password="")  # type: ignore[call-arg]
    print(Role.ADMIN)  # type: ignore[attr-defined]
    print(user.password)  # type: ignore[attr-defined]
    print(found.student_ids)  # type: ignore[attr-defined]
    ClassNaming(101)  # type: ignore[arg-type]
    create_class.sync(client=Client(base_url=""), body=ClassNaming(""))  # type: ignore[arg-type]
