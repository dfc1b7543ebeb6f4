"""Mistakes in the use of the control API, with the names that were probably meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ControlError(Exception):
    """A control request that cannot be carried out.

    Attributes:
        status: HTTP status of the answer.
        message: What is wrong and what to do.
        nearest: Known names close to the one that was given.
    """

    def __init__(self, message: str, *, status: int = 400, nearest: Iterable[str] = ()) -> None:
        """Keep the parts of the answer."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.nearest = list(nearest)


def unknown(kind: str, name: str, known: Iterable[str], *, status: int = 404) -> ControlError:
    """Return the error for a name that does not exist.

    Args:
        kind: What the name stands for, such as "switch".
        name: The name that was given.
        known: All names that exist.
        status: HTTP status of the answer.
    """
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or sorted(names)[:10]
    return ControlError(f"there is no {kind} {name!r}", status=status, nearest=nearest)
