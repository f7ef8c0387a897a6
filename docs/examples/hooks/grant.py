"""Assistants call the roll of the classes that a school assigns to them, and of no others."""

from quartapp import Grant, Role, hookimpl

ALLOWED = {"marks:write", "session:start", "class:read"}


class AssistantsPlugin:
    """Adds the role ``assistant``, and grants its permissions in assigned classes."""

    name = "assistants"

    def __init__(self):
        self.assigned = set()

    def assign(self, user_id, class_id):
        self.assigned.add((user_id, class_id))

    @hookimpl
    def register_roles(self):
        return [Role("assistant", label="Assistant")]

    @hookimpl
    def grant(self, principal, permission, resource):
        assigned = (principal.id, resource.get("class_id")) in self.assigned
        return Grant() if assigned and permission in ALLOWED else None
