"""``quartapp enrol CLASS_ID FILE``: put people from a list of addresses on the roll of a class."""

from pathlib import Path

import click

from quartapp import Principal, QuartappError, hookimpl


@click.command("enrol")
@click.argument("class_id")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def enrol(class_id, file):
    """Put the students whose addresses are in FILE, one a line, on the roll of a class."""
    # Slow modules are imported when the command runs.
    from quartapp import run_with_services

    addresses = file.read_text(encoding="utf-8").lower().split()

    async def work(parts):
        for address in addresses:
            await _add(parts, class_id, address)

    run_with_services(work)
    click.echo(f"{len(addresses)} students are on the roll.")


async def _add(parts, class_id, address):
    from quartapp_auth import UserNotFoundError, UserService
    from quartapp_classes import AlreadyEnrolledError, ClassNotFoundError, ClassService

    classes = parts.services.get(ClassService)
    try:
        student = await parts.services.get(UserService).by_email(address)
        class_room = await classes.get(class_id)
        teacher = Principal(str(class_room.teacher_id), "teacher")
        await classes.add_student(class_id, teacher, str(student.id))
    except UserNotFoundError:
        raise QuartappError(f"there is no account with the address {address}") from None
    except ClassNotFoundError:
        raise QuartappError(f"there is no class {class_id}") from None
    except AlreadyEnrolledError:
        pass  # so that the same list may be given again


class EnrolPlugin:
    """Brings the command."""

    name = "enrol"
    requires = ("classes",)

    @hookimpl
    def register_commands(self):
        return [enrol]
