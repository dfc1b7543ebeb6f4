"""Sets of very many addresses, in eight bytes each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class AddressSet:
    """A set of addresses that keeps a hash of each; two of a million are mistaken for one another once in 10^7 sets.

    Args:
        addresses: The addresses, as `email_key_of` writes them.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self._hashes = array("q", sorted(map(hash, addresses)))

    def __contains__(self, address: str) -> bool:
        """Say whether an address is in the set."""
        position = bisect_left(self._hashes, hash(address))
        return position < len(self._hashes) and self._hashes[position] == hash(address)
