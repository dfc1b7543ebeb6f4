"""Profiles as they are read: only the columns that a run needs are ever decoded."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class Profiles:
    """The columns that a run needs, of all its segments, and the type that records are decoded to.

    Attributes:
        type: A type with an attribute for each column; `msgspec.UNSET` stands for a column that a record lacks.
    """

    def __init__(self) -> None:
        self._attributes: dict[str, str] = {}
        self.type = self._make_type()

    def want(self, columns: Iterable[str]) -> None:
        """Decode further columns from now on.

        Args:
            columns: Names of columns.
        """
        new = [column for column in dict.fromkeys(columns) if column not in self._attributes]
        if new:
            for column in new:
                self._attributes[column] = f"column_{len(self._attributes)}"
            self.type = self._make_type()

    def values_of(self, columns: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
        """Return the function from a profile to its values in some columns.

        Args:
            columns: Names of columns that are wanted.
        """
        attributes = [self._attributes[column] for column in columns]
        if len(attributes) == 1:
            value_of = attrgetter(attributes[0])
            return lambda profile: (value_of(profile),)
        return attrgetter(*attributes)

    def lacking(self, profiles: Sequence[Any], column: str) -> int | None:
        """Return the index of the first profile that lacks a column, or None.

        Args:
            profiles: Profiles.
            column: A column that is wanted.
        """
        values = list(map(attrgetter(self._attributes[column]), profiles))
        return values.index(msgspec.UNSET) if msgspec.UNSET in values else None

    def of(self, record: Mapping[str, Any]) -> Any:
        """Return a record that was decoded otherwise as a profile.

        Args:
            record: The values by column.
        """
        return msgspec.convert(record, self.type)

    def _make_type(self) -> type[Any]:
        # Values out of JSON form no cycles, so Python's collector need not look at a million profiles.
        return msgspec.defstruct(
            "Profile",
            [(attribute, Any, msgspec.UNSET) for attribute in self._attributes.values()],
            rename={attribute: column for column, attribute in self._attributes.items()},
            gc=False,
        )
