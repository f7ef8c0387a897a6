"""Library cards, ordered for all people of an import at once."""

from quartapp import hookimpl
from quartapp_auth import UserRegistered


class CardsPlugin:
    """Collects orders of cards; each order is for people who came together."""

    name = "cards"
    requires = ("auth",)

    def __init__(self):
        self.orders = []

    @hookimpl
    async def on_events(self, events):
        new = [event.user_id for event in events if isinstance(event, UserRegistered)]
        if new:
            self.orders.append(new)
