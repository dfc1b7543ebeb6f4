"""Fault injection: things that go wrong on purpose, on the requests that they are aimed at.

Faults live in memory; a restart or a reset removes them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cix_sandbox.problems import ControlError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMON_KINDS = {
    "latency": "wait `seconds`, then handle the request",
    "slow_answer": "handle the request, then wait `seconds` before the answer",
    "status": "answer `status` (default 503) in the platform's words without handling the request",
    "throttle": "answer 429 in the platform's words without handling the request",
    "drop_before": "read the request, then cut the connection; nothing is stored",
    "drop_after": "handle and store the request, then cut the connection without an answer",
    "expired_token": "expire every OAuth access token issued so far, then handle the request",
}


@dataclass
class Fault:
    """One injected fault and the requests that it is aimed at.

    Attributes:
        id: Number by which it can be removed.
        kind: One of `COMMON_KINDS` or of the kinds that a platform adds.
        platform: Only requests to this platform; None for all.
        method: Only requests with this HTTP method; None for all.
        path: Regular expression searched in the path; None for all.
        skip: Number of matching requests to let pass first.
        count: Number of times that it strikes; None for no end.
        rate: Share of the matching requests that it strikes, evenly spread, 0 to 1.
        seconds: Waiting time of `latency` and `slow_answer`.
        status: HTTP status of `status`.
        body: JSON body in place of the platform's own, for `status` and `throttle`.
        headers: Headers to add, for `status` and `throttle`.
        seen: Matching requests so far, without the skipped ones.
        struck: Times that it has struck.
    """

    id: int
    kind: str
    platform: str | None = None
    method: str | None = None
    path: str | None = None
    skip: int = 0
    count: int | None = None
    rate: float = 1.0
    seconds: float = 0.0
    status: int = 503
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seen: int = 0
    struck: int = 0

    def strikes(self, platform: str, method: str, path: str) -> bool:
        """Say whether it strikes this request, and count the request."""
        if (
            self.platform not in (None, platform)
            or self.method not in (None, method)
            or (self.path is not None and not re.search(self.path, path))
        ):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.count is not None and self.struck >= self.count:
            return False
        self.seen += 1
        due = math.floor(self.seen * self.rate) > math.floor((self.seen - 1) * self.rate)
        self.struck += due
        return due


class Faults:
    """The faults that are set now."""

    def __init__(self, kinds: Iterable[str]) -> None:
        """Start without faults, knowing the kinds that can be set."""
        self._kinds = [*COMMON_KINDS, *kinds]
        self._faults: dict[int, Fault] = {}
        self._last_id = 0

    def add(self, kind: str, **settings: Any) -> Fault:
        """Set a fault; the settings are the attributes of `Fault`.

        Raises:
            ControlError: The kind is unknown or the path is no regular expression.
        """
        if kind not in self._kinds:
            raise unknown("fault kind", kind, self._kinds, status=400)
        try:
            re.compile(settings.get("path") or "")
        except re.error as error:
            raise ControlError(f"path is not a regular expression: {error}") from error
        if kind == "throttle":
            settings["status"] = 429
        if settings.get("method"):
            settings["method"] = settings["method"].upper()
        self._last_id += 1
        fault = Fault(self._last_id, kind, **settings)
        self._faults[fault.id] = fault
        return fault

    def all(self) -> list[Fault]:
        """Return the faults in the order in which they were set."""
        return list(self._faults.values())

    def remove(self, fault_id: int) -> None:
        """Remove one fault.

        Raises:
            ControlError: There is no such fault.
        """
        if self._faults.pop(fault_id, None) is None:
            raise unknown("fault", str(fault_id), map(str, self._faults))

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def striking(self, platform: str, method: str, path: str) -> list[Fault]:
        """Return the common faults that strike this request, each counted once."""
        return [
            fault
            for fault in self._faults.values()
            if fault.kind in COMMON_KINDS and fault.strikes(platform, method, path)
        ]

    def take(self, kind: str, platform: str, method: str = "", path: str = "") -> Fault | None:
        """Return the fault of a platform's own kind that strikes here, if any, and count it."""
        for fault in self._faults.values():
            if fault.kind == kind and fault.strikes(platform, method, path):
                return fault
        return None
