"""A person who leaves the school loses the token; a person with a new role signs in again."""

from quartapp import CredentialsRefusedError, Identity, hookimpl


class LeaversPlugin:
    """Stands for a register of people by the ids of their accounts."""

    name = "leavers"

    def __init__(self):
        self.roles = {}

    @hookimpl
    async def refresh_account(self, principal):
        if principal.id not in self.roles:
            return None  # the person is not in this register
        role = self.roles[principal.id]
        if role is None:
            raise CredentialsRefusedError("left the school")
        return Identity(subject=principal.id, role=role)
