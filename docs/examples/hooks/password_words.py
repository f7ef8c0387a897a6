"""The name of a pupil's house is no password."""

from quartapp import hookimpl


class HousesPlugin:
    """Knows in which house of the school people are."""

    name = "houses"

    def __init__(self):
        self.houses = {}

    @hookimpl
    def password_words(self, user):
        return [self.houses[user.id]] if user.id in self.houses else None
