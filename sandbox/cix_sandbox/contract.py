"""The contract between the sandbox and the stand-in of one platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from cix_sandbox.faults import Fault
    from cix_sandbox.state import SandboxState
    from cix_sandbox.switches import Switch


class Platform(Protocol):
    """What a platform package exposes as module attributes."""

    NAME: str
    """Name in switches, faults, log and seed, such as "campaign_monitor"; hyphenated in control paths."""

    PREFIX: str
    """Path under which its routes are mounted, such as "/createsend"."""

    @property
    def SWITCHES(self) -> tuple[Switch, ...]:  # noqa: N802  (a constant of the module)
        """Its switches."""

    @property
    def FAULT_KINDS(self) -> Mapping[str, str]:  # noqa: N802  (same)
        """Kinds of faults beyond the common ones and what they do; handlers ask with `faults.take`."""

    def create_schema(self, connection: sqlite3.Connection) -> None:
        """Create the platform's tables and indexes where they are missing."""

    def ready(self, connection: sqlite3.Connection) -> None:
        """Put the ready accounts into empty tables."""

    def reset(self, connection: sqlite3.Connection) -> None:
        """Empty the platform's tables; `ready` is called afterwards."""

    def routes(self, state: SandboxState) -> Sequence[BaseRoute]:
        """Return the platform's routes, relative to `PREFIX`."""

    def members(self, connection: sqlite3.Connection, list_id: str) -> list[dict[str, Any]]:
        """Return the people of a list, sorted by e-mail.

        Raises:
            ControlError: There is no such list (use `problems.unknown`).
        """

    def seed(self, connection: sqlite3.Connection, body: dict[str, Any]) -> None:
        """Write the platform's part of a seed; called within a transaction.

        Raises:
            ControlError: The body does not fit; the text says where.
        """

    def credentials(self, connection: sqlite3.Connection, base: str) -> dict[str, str]:
        """Return what an application needs to connect; `base` is such as "http://127.0.0.1:8765"."""

    def fault_answer(self, fault: Fault) -> Response:
        """Return the platform's error answer with the fault's status, body and headers."""

    def expire_tokens(self, connection: sqlite3.Connection) -> None:
        """Expire every OAuth access token issued so far."""
