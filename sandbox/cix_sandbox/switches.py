"""Switches: behaviours that the services' documentation leaves open, selectable by name.

A platform package declares its switches as data; values that differ from the default are kept in
the store and so survive a restart.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cix_sandbox.problems import ControlError, unknown

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

SwitchValue: TypeAlias = bool | int | float | str


@dataclass(frozen=True)
class Switch:
    """One selectable behaviour of a stand-in.

    Attributes:
        platform: Platform that it belongs to, such as "campaign_monitor".
        name: Name within the platform.
        default: Value of a fresh sandbox; its type is the type of the switch.
        meaning: What it selects, in a sentence.
        choices: The allowed texts, for a switch whose default is a text.
    """

    platform: str
    name: str
    default: SwitchValue
    meaning: str
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Name across platforms: `platform.name`."""
        return f"{self.platform}.{self.name}"

    def accept(self, value: object) -> SwitchValue:
        """Return the value if the switch can take it.

        Raises:
            ControlError: The value has the wrong type or is none of the choices.
        """
        if isinstance(self.default, bool):
            if isinstance(value, bool):
                return value
            raise ControlError(f"switch {self.key} is true or false")
        if isinstance(self.default, str):
            if isinstance(value, str) and value in self.choices:
                return value
            raise ControlError(f"switch {self.key} is one of {', '.join(self.choices)}")
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return value
        raise ControlError(f"switch {self.key} is a number of at least 0")


class Switches:
    """The values of all switches, kept in the store."""

    def __init__(self, connection: sqlite3.Connection, declared: Iterable[Switch]) -> None:
        """Read the stored values of the declared switches."""
        self._connection = connection
        self._declared = {switch.key: switch for switch in declared}
        connection.execute("CREATE TABLE IF NOT EXISTS switches (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
        self._values = {key: switch.default for key, switch in self._declared.items()}
        for key, value in connection.execute("SELECT key, value FROM switches"):
            if key in self._declared:
                self._values[key] = json.loads(value)

    def flag(self, key: str) -> bool:
        """Return the value of a true/false switch."""
        return bool(self._values[key])

    def text(self, key: str) -> str:
        """Return the value of a switch with named choices."""
        return str(self._values[key])

    def number(self, key: str) -> float:
        """Return the value of a numeric switch."""
        return float(self._values[key])

    def change(self, changes: Mapping[str, object]) -> None:
        """Set switches, all or none.

        Raises:
            ControlError: A name is unknown or a value does not fit.
        """
        accepted = {}
        for key, value in changes.items():
            if key not in self._declared:
                raise unknown("switch", key, self._declared)
            accepted[key] = self._declared[key].accept(value)
        self._connection.executemany(
            "INSERT OR REPLACE INTO switches VALUES (?, ?)",
            [(key, json.dumps(value)) for key, value in accepted.items()],
        )
        self._values.update(accepted)

    def reset(self) -> None:
        """Put every switch back to its default."""
        self._connection.execute("DELETE FROM switches")
        self._values = {key: switch.default for key, switch in self._declared.items()}

    def describe(self) -> dict[str, dict[str, object]]:
        """Return value, default, choices and meaning of every switch."""
        return {
            key: {
                "value": self._values[key],
                "default": switch.default,
                "choices": list(switch.choices),
                "meaning": switch.meaning,
            }
            for key, switch in sorted(self._declared.items())
        }
