"""What every handler of the sandbox shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cix_sandbox.clock import Clock
from cix_sandbox.faults import Faults
from cix_sandbox.requests_log import RequestLog
from cix_sandbox.switches import Switch, Switches

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


@dataclass(frozen=True)
class SandboxState:
    """The shared things of one running sandbox.

    Attributes:
        connection: The store, in autocommit mode; write through `store.transaction`.
        switches: Values of the switches.
        faults: The faults that are set.
        log: The request log.
        clock: The time as the stand-ins see it.
    """

    connection: sqlite3.Connection
    switches: Switches
    faults: Faults
    log: RequestLog
    clock: Clock


def make_state(connection: sqlite3.Connection, switches: Iterable[Switch], fault_kinds: Iterable[str]) -> SandboxState:
    """Return the state of a sandbox on an open store."""
    clock = Clock(connection)
    return SandboxState(
        connection=connection,
        switches=Switches(connection, switches),
        faults=Faults(fault_kinds),
        log=RequestLog(clock),
        clock=clock,
    )
