"""Segments that the tap has left out as unchanged: whether the lists hold them just so, and what the tap is told.

The ledger decides, not the bookmark: after another mapping or list, a lost, rebuilt or older ledger, or rows that the
platform rejected, the segment is needed again, and its bookmark is emptied in the state that goes out.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from audience_sdk.bookmarks import contents, skipped, without_contents
from audience_sdk.ledger import contents as held

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from audience_sdk.ledger import Ledger

_WITHOUT_EFFECT = {
    "accept_other_list",
    "allow_confirmation_emails",
    "allow_empty_segment",
    "ask_suppressed_again_days",
    "data_privacy_consent",
    "display_name",
    "dry_run",
    "full_resync",
    "job_deadline_seconds",
    "ledger_url",
    "list_id",
    "lists",
    "max_attempts",
    "max_profiles",
    "max_rejected_ratio",
    "max_removal_ratio",
    "output_dir",
    "read_back_sample",
    "readmit",
    "removal_floor",
    "requests_per_second",
}
"""Settings that do not decide on what a list holds of a segment, or (lists, resync) are looked at apart."""


def form_of(config: Mapping[str, Any], schema: Mapping[str, Any]) -> bytes:
    """Return a fingerprint of every setting that decides on what a list holds of a segment.

    Args:
        config: The plugin's settings.
        schema: Their JSON Schema; what it calls secret does not count.
    """
    known = schema.get("properties", {})
    secret = {name for name, each in known.items() if each.get("secret")}
    deciding = sorted((name, repr(value)) for name, value in config.items() if name not in secret | _WITHOUT_EFFECT)
    return hashlib.blake2b(repr(deciding).encode(), digest_size=16).digest()


class Unchanged:
    """What a state says of unchanged segments, against the ledger.

    Args:
        state: The run's last state.
        arrived: The segments that have arrived.
        form: Fingerprint of the settings.
        read_all: Whether the settings ask for every segment whatever the bookmarks say.

    Attributes:
        segments: The segments that the tap has left out.
    """

    def __init__(
        self, state: Mapping[str, Any] | None, arrived: Collection[str], form: bytes, *, read_all: bool
    ) -> None:
        self.segments = skipped(state) - set(arrived)
        self._state = state
        self._contents = contents(state)
        self._form = form
        self._read_all = read_all

    def needed(self, ledger: Ledger, numbers_of: Callable[[str], Iterable[int]]) -> list[str]:
        """Return the segments that were left out, but that a list does not hold just so.

        Args:
            ledger: The ledger.
            numbers_of: Gives the ledger's numbers of the lists of a segment.
        """
        return sorted(segment for segment in self.segments if not self._is_held(ledger, numbers_of(segment), segment))

    def keep(self, ledger: Ledger, numbers_of: Callable[[str], Iterable[int]], settled: Iterable[str]) -> None:
        """Note in the ledger which segments its lists hold in full now.

        Args:
            ledger: The ledger.
            numbers_of: Gives the ledger's numbers of the lists of a segment.
            settled: The segments that arrived to their end, and of which no row is left to be tried again.
        """
        for segment in self._contents.keys() & set(settled):
            for list_no in numbers_of(segment):
                held.keep(ledger, list_no, segment, self._hash(segment))

    def state(self, ledger: Ledger, numbers_of: Callable[[str], Iterable[int]]) -> dict[str, Any]:
        """Return the state that may go out: the tap may leave out only what the lists hold.

        Args:
            ledger: The ledger.
            numbers_of: Gives the ledger's numbers of the lists of a segment.
        """
        stay = [segment for segment in self._contents if self._is_held(ledger, numbers_of(segment), segment)]
        return without_contents(self._state or {}, but=stay)

    def _is_held(self, ledger: Ledger, list_nos: Iterable[int], segment: str) -> bool:
        numbers = list(list_nos)
        return (
            not self._read_all
            and bool(numbers)
            and all(held.holds(ledger, list_no, segment, self._hash(segment)) for list_no in numbers)
        )

    def _hash(self, segment: str) -> bytes:
        return hashlib.blake2b(self._form + self._contents[segment].encode(), digest_size=16).digest()
