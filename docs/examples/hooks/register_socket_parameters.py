"""A client that names a shelf in the address of the socket is told what stands there."""

from pydantic import BaseModel

from quartapp import DomainError, ServerMessage, SocketParameter, encode, hookimpl

SHELVES = {"maths": ["Elements"], "poetry": ["Odes", "Sonnets"]}


class Shelf(BaseModel):
    """What stands on a shelf."""

    books: list[str]


class ShelfNotFoundError(DomainError):
    """There is no such shelf."""


async def greet(connection, value):
    """Find the shelf, and tell of it in the moment in which the socket joins."""
    if value not in SHELVES:
        raise ShelfNotFoundError
    frame = encode("SHELF", {"books": SHELVES[value]})
    return lambda: connection.post(frame)


class LibraryPlugin:
    """Brings ``/ws?shelf=maths``."""

    name = "library"

    @hookimpl
    def register_socket_parameters(self):
        shown = ServerMessage(name="SHELF", data=Shelf, to_all=False, summary="A shelf's books.")
        return [
            SocketParameter(
                name="shelf",
                pattern="[a-z]{1,20}",
                greet=greet,
                answers=(shown,),
                errors={ShelfNotFoundError: "There is no such shelf"},
                database=False,
                summary="The shelf to be told of.",
            )
        ]
