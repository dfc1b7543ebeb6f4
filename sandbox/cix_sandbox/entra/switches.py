"""What of the token service can be turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cix_sandbox.switches import Switch

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "entra"

SWITCHES = (
    Switch(
        NAME,
        "client_secret",
        "valid",
        "Whether the secrets of the applications have run out (AADSTS7000222).",
        ("valid", "expired"),
    ),
    Switch(NAME, "managed_identity", default=True, meaning="Whether the machine has a managed identity."),
    Switch(NAME, "token_seconds", 3599, "Seconds for which an access token is good."),
)
FAULT_KINDS: Mapping[str, str] = {}
