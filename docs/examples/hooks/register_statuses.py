"""A further status of marks."""

from quartapp import hookimpl
from quartapp_attendance import Status


class RemotePlugin:
    """Adds ``remote``, which counts as present and is worth as many points."""

    name = "remote"
    requires = ("attendance",)

    @hookimpl
    def register_statuses(self):
        return [Status(code="remote", label="Remote", counts_as="present", points=1)]
