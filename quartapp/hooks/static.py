"""What ``register_static`` returns: files that a plugin offers to browsers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


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
