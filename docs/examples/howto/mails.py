"""Mails about new classes, by a service that may be busy, and refuses some addresses for good."""

from quartapp import NotDeliveredError, OutboxEntry, core, hookimpl
from quartapp_classes import ClassCreated

KIND = "mail"
BUSY, NO_SUCH_ADDRESS = 503, 404


class MailsPlugin:
    """Sends mails in any order: one that has to wait holds up no other."""

    name = "mails"
    requires = ("classes",)

    def __init__(self, mail_service):
        self._mail_service = mail_service

    @hookimpl
    def register_services(self, app):
        core(app).outbox.limit({KIND: 2})

    @hookimpl
    def outbox_entries(self, event):
        if not isinstance(event, ClassCreated):
            return None
        return [OutboxEntry(KIND, None, {"to": event.teacher_id, "about": event.class_id})]

    @hookimpl
    async def deliver(self, data, attempts):
        status = await self._mail_service.send(data["to"], data["about"])
        if status == NO_SUCH_ADDRESS:
            raise NotDeliveredError("no such address", again_in=None)
        if status == BUSY:
            raise NotDeliveredError("busy", again_in=30.0 * (attempts + 1))
