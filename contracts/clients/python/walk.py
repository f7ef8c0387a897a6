"""The first walk through the API, with nothing but the generated client to go by.

Arguments: the server's address, a teacher's e-mail address. Prints what it saw.
"""

from __future__ import annotations

import json
import sys

from quartapp_client import AuthenticatedClient, Client
from quartapp_client.api.auth import get_me, login, register_user
from quartapp_client.api.class_ import create_class, list_classes
from quartapp_client.models import (
    ClassAnswer,
    ClassListAnswer,
    ClassNaming,
    Credentials,
    Registration,
    Role,
    TokenAnswer,
    User,
    UserAnswer,
    WrongPasswordError,
)

PASSWORD = "analytical-engine"  # noqa: S105 - of an account that is made for a test


def main(base_url: str, email: str) -> None:
    """Register, sign in, look oneself up, make a class, find it."""
    anybody = Client(base_url=base_url)
    registration = Registration("Ada Lovelace", email, PASSWORD, Role.TEACHER)
    registered = register_user.sync(client=anybody, body=registration)
    assert isinstance(registered, UserAnswer), registered

    refused = login.sync(client=anybody, body=Credentials(email, "another password"))
    assert isinstance(refused, WrongPasswordError), refused
    signed_in = login.sync(client=anybody, body=Credentials(email, PASSWORD))
    assert isinstance(signed_in, TokenAnswer), signed_in

    teacher = AuthenticatedClient(base_url=base_url, token=signed_in.data.token)
    me = get_me.sync(client=teacher)
    assert isinstance(me, UserAnswer), me
    user: User = me.data
    created = create_class.sync(client=teacher, body=ClassNaming("Mathematics 101"))
    assert isinstance(created, ClassAnswer), created
    classes = list_classes.sync(client=teacher)
    assert isinstance(classes, ClassListAnswer), classes
    print(
        json.dumps(
            {
                "me": user.to_dict(),
                "registered": registered.data.to_dict(),
                "refused": refused.error,
                "created": created.data.to_dict(),
                "classes": [found.to_dict() for found in classes.data],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
