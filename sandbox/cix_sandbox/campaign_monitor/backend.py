"""What the stand-in works on: the store, the switches, and what is derived from the store in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor.roll import Roll
from cix_sandbox.campaign_monitor.scans import Scans
from cix_sandbox.campaign_monitor.switches import NAME, SWITCHES
from cix_sandbox.switches import Switches

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True)
class Backend:
    """The things that outlive a request.

    Attributes:
        connection: The store.
        switches: Values of the switches.
        roll: The subscribers by address.
        scans: The listing that is being paged through.
    """

    connection: sqlite3.Connection
    switches: Switches
    roll: Roll
    scans: Scans

    def flag(self, name: str) -> bool:
        """Return a switch that is true or false."""
        return self.switches.flag(f"{NAME}.{name}")

    def text(self, name: str) -> str:
        """Return a switch with named choices."""
        return self.switches.text(f"{NAME}.{name}")

    def number(self, name: str) -> float:
        """Return a switch that is a number."""
        return self.switches.number(f"{NAME}.{name}")


def open_backend(connection: sqlite3.Connection, switches: Switches | None = None) -> Backend:
    """Return a backend on an open store; the switches are read from it unless they are given."""
    return Backend(connection, switches or Switches(connection, SWITCHES), Roll(connection), Scans(connection))
