"""Assistants call the roll of the classes that a school gives them, and of no other."""

from quartapp import Grant, Role, hookimpl

ALLOWED = {"marks:write", "session:start", "class:read"}


class AssistantsPlugin:
    """Brings the role ``assistant``, and what its people may do in which class."""

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
