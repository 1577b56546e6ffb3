"""A file that is replaced as a whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write a file beside the one that is meant, and give it its name when it is whole and on the disk.

    Parameters
    ----------
    path
        The file that is meant. A link is followed.

    Yields
    ------
    BinaryIO
        What is written to. If the block raises, the file at `path` stays as it was.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    import secrets  # here: it costs as much as the rest

    target = os.path.realpath(path)
    beside = f"{target}.{secrets.token_hex(8)}.part"
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def remove_unfinished(path: str | os.PathLike[str]) -> None:
    """Remove what processes that were killed while they wrote this file have left beside it."""
    import re

    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    unfinished = re.compile(re.escape(name) + r"\.[0-9a-f]{16}\.part")
    for found in os.listdir(folder) if os.path.isdir(folder) else ():
        if unfinished.fullmatch(found):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, found))
