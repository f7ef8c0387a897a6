"""Rolls come from a student information system, for the classes that the system knows."""

from quartapp import hookimpl
from quartapp_classes import Roll


class InformationSystemPlugin:
    """Keeps a copy of the rolls by the id of the class, so that no mark waits for the network."""

    name = "sis"
    requires = ("classes",)

    def __init__(self):
        self.rolls = {}

    @hookimpl
    def roster(self, class_room):
        students = self.rolls.get(class_room.id)
        return Roll(frozenset(students)) if students is not None else None

    @hookimpl
    def classes_of(self, student_id):
        return [class_id for class_id, students in self.rolls.items() if student_id in students]
