"""What a list must hold after a run, said without ledger, batches and requests: who is in the segments, who has left.

Where a run was killed or has failed, the model does not guess how far it came. Such people are `doubted`: a later run
must still put the segments' people on the list and take its own leavers off; only what nobody can know is left open.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Shown = tuple[str, str]
"""Name and city, as a list shows them."""


@dataclass(frozen=True)
class Input:
    """What a run is given.

    Attributes:
        rows: Segment, address and what is to be shown of each row with a valid address, in order.
        complete: The segments that are read to their end.
        mirror: Whether leavers leave.
        adopt: Whether people may leave whom no run has put on the list.
        readmit: Whether people are sent who may have left.
    """

    rows: tuple[tuple[str, str, Shown], ...]
    complete: frozenset[str]
    mirror: bool = False
    adopt: bool = False
    readmit: bool = False

    @property
    def last(self) -> dict[str, Shown]:
        return {email: shown for _, email, shown in self.rows}

    @property
    def staged(self) -> dict[str, set[str]]:
        staged: dict[str, set[str]] = defaultdict(set)
        for segment, email, _ in self.rows:
            staged[segment].add(email)
        return staged


@dataclass
class Model:
    """One list, and what an export may know of its people.

    Attributes:
        on: What the list shows, by address.
        known: Everybody who was ever on the list.
        unsubscribed: Nobody puts them back.
        left: They left the list by their own act while we believed them on it; changes do not put them back.
        away: The same, and the export knows it; readmission alone puts them back.
        ours: A run has put them on the list.
        by_hand: Somebody at the platform has put them on the list.
        found: They were on the list when the ledger was rebuilt.
        doubted: A run that was no success may have begun to put them on the list or to take them off.
        open: They left by their own act while they were doubted: back or not, both is right.
        fed: The segments that feed an address, as of the last run that says so.
        may_be_fed: The same, of runs that were no success.
    """

    on: dict[str, Shown] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    unsubscribed: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    ours: set[str] = field(default_factory=set)
    by_hand: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    fed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    may_be_fed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    # What happens at the platform

    def add_by_hand(self, email: str, shown: Shown) -> None:
        self.on[email] = shown
        self.known.add(email)
        self.by_hand.add(email)

    def unsubscribe(self, email: str) -> None:
        self.on.pop(email, None)
        self.unsubscribed.add(email)

    def leave(self, email: str) -> None:
        del self.on[email]
        if email in self.doubted:
            self.open.add(email)
        elif email in self.ours | self.found:
            self.left.add(email)

    # What an export does

    def succeed(self, run: Input, shows: Mapping[str, Shown]) -> None:
        """Check the list after a successful run, and take over what it shows."""
        stay_off = self.unsubscribed | self.left | (set() if run.readmit else self.away)
        expected = self.on | _without(run.last, stay_off)
        may_leave, leavers = self._may_leave(run), self._leavers(run)
        either = self.open | (may_leave - leavers) | (may_leave & self.doubted & self.by_hand - self.ours)
        on_list, due = _without(shows, either), _without(expected, leavers | either)
        assert on_list == due, f"shown: {on_list}; due: {due}; run: {run}"
        self._check_compliance(run, shows)
        self.away = (self.away - (run.last.keys() & shows.keys())) | (self.left & leavers)
        # Of whom the platform knows it cannot tell whether they left, or had not been put back.
        unclear = leavers & self.doubted & self.known - self.on.keys()
        self.open = (self.open - (run.last.keys() & shows.keys())) | (self.left & may_leave - leavers) | unclear
        self.left -= self.away | self.open
        self.doubted -= (run.last.keys() | leavers) - self.open
        self.ours = (self.ours | (run.last.keys() & shows.keys())) - self.found - (may_leave - shows.keys())
        self.found -= may_leave - shows.keys()
        for segment in run.complete | run.staged.keys():
            if segment in run.complete:
                self.fed[segment], self.may_be_fed[segment] = set(), set()
            self.fed[segment] |= run.staged[segment]
        self._take_over(shows)

    def fail(self, run: Input, shows: Mapping[str, Shown]) -> None:
        """Check the list after a run that was killed or has failed, and take over what it shows."""
        may_leave = self._may_leave(run)
        touched = run.last.keys() | may_leave
        on_list, due = _without(shows, touched), _without(self.on, touched)
        assert on_list == due, f"shown: {on_list}; due: {due}; run: {run}"
        self._check_compliance(run, shows)
        self.open |= self.left & may_leave
        self.left -= self.open
        self.doubted |= (run.last.keys() - self.ours - self.found - self.away) | may_leave
        for segment in run.complete | run.staged.keys():
            self.may_be_fed[segment] |= self.fed[segment] | run.staged[segment]
            if segment in run.complete:
                self.fed[segment] &= run.staged[segment]
        self._take_over(shows)

    def rebuild(self) -> None:
        """The ledger was lost, and rebuilt from what the platform holds."""
        self.found, self.away = set(self.on), self.known - self.on.keys()
        for forgotten in (self.left, self.open, self.ours, self.doubted, self.by_hand, self.fed, self.may_be_fed):
            forgotten.clear()

    def _may_leave(self, run: Input) -> set[str]:
        """Whom a run takes off the list, unless what an earlier run has begun says otherwise."""
        if not (run.mirror and run.complete):
            return set()
        candidates = (self.ours | self.doubted | (self.found if run.adopt else set())) - run.last.keys()
        return {email for email in candidates if not _fed_elsewhere(self.fed, email, run)}

    def _leavers(self, run: Input) -> set[str]:
        return {email for email in self._may_leave(run) if not _fed_elsewhere(self.may_be_fed, email, run)}

    def _check_compliance(self, run: Input, shows: Mapping[str, Shown]) -> None:
        back = shows.keys() - self.on.keys()
        assert not self.unsubscribed & shows.keys(), "somebody who unsubscribed is on the list"
        assert not self.left & back, "a change has put somebody back who left by their own act"
        assert run.readmit or not self.away & back, "somebody who may have left was put back"

    def _take_over(self, shows: Mapping[str, Shown]) -> None:
        self.on = dict(shows)
        self.known |= shows.keys()


def _fed_elsewhere(fed: Mapping[str, set[str]], email: str, run: Input) -> bool:
    return any(email in emails for segment, emails in fed.items() if segment not in run.complete)


def _without(shows: Mapping[str, Shown], emails: Iterable[str]) -> dict[str, Shown]:
    left_out = set(emails)
    return {email: shown for email, shown in shows.items() if email not in left_out}
