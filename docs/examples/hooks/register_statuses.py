"""One more thing that a student can be marked as."""

from quartapp import hookimpl
from quartapp_attendance import Status


class RemotePlugin:
    """Who takes part from afar counts as present, and is worth as much."""

    name = "remote"
    requires = ("attendance",)

    @hookimpl
    def register_statuses(self):
        return [Status(code="remote", label="Remote", counts_as="present", points=2)]
