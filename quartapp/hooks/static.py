"""What ``register_static`` returns: files that a plugin offers to browsers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quartapp.kinds import TEXT, a, check_all


@dataclass(frozen=True, slots=True)
class Static:
    """The files of a folder, which anybody may read under a prefix.

    Attributes:
        prefix: What the paths of the files begin with, such as ``/library/static``. It lies
            outside ``/api/v1``, begins with a slash and does not end with one.
        folder: Folder of the files. Its subfolders are served too, its dot files are not.
    """

    prefix: str
    folder: Path

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(self, prefix=TEXT, folder=a(Path, "a pathlib.Path"))
