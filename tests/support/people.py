"""People whom an administrator has invited."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quartapp.testing import Person, TestServer


async def invited(server: TestServer, role: str, *, to_address: bool = True) -> Person:
    """Register a person by an invitation.

    Args:
        server: The server.
        role: Role of the invitation.
        to_address: Whether the invitation is for the address of the person.
    """
    admin = await server.person("admin")
    email, password = f"{uuid.uuid4().hex}@school.example", "difference-engine"
    wanted = {"role": role, **({"email": email} if to_address else {})}
    made = await server.api.post("/admin/invitations", json=wanted, headers=admin.headers)
    account = {"name": "Ada", "email": email, "password": password}
    account["invitation"] = made.json()["data"]["invitation"]
    answer = await server.api.post("/auth/register", json=account)
    assert answer.status_code == 201, answer.text
    token = await server.sign_in(email, password)
    return replace(
        admin,
        id=answer.json()["data"]["_id"],
        name="ada",
        email=email,
        password=password,
        role=role,
        token=token,
    )
