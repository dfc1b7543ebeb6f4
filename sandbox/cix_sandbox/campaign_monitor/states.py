"""The state machine of a subscriber on a list, as pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from cix_sandbox.campaign_monitor import errors


class State(IntEnum):
    """What someone is to a list; the number is what the store keeps."""

    ACTIVE = 0
    UNCONFIRMED = 1
    UNSUBSCRIBED = 2
    BOUNCED = 3
    DELETED = 4

    @property
    def label(self) -> str:
        """The service's word for it."""
        return self.name.capitalize()


BY_LABEL = {state.label: state for state in State}
REFUSALS = {
    State.DELETED: errors.DELETED,
    State.UNSUBSCRIBED: errors.UNSUBSCRIBED,
    State.BOUNCED: errors.BOUNCED,
    State.UNCONFIRMED: errors.UNCONFIRMED,
}


@dataclass(frozen=True)
class EntryRules:
    """What decides about entering a list, apart from the person.

    Attributes:
        confirmed_opt_in: The list asks newcomers for a confirmation.
        heeds_suppression: The list consults the suppression list of the client.
        suppressed_newcomer_refused: Suppression also stops those who were never on the list.
        suppressed_first: Suppression is reported rather than the state, where both would do.
        unconfirmed_resubscribed: State of someone unconfirmed after a resubscription.
    """

    confirmed_opt_in: bool
    heeds_suppression: bool
    suppressed_newcomer_refused: bool = True
    suppressed_first: bool = True
    unconfirmed_resubscribed: State = State.ACTIVE


class Verdict(NamedTuple):
    """What becomes of someone who is written to a list.

    Attributes:
        state: State afterwards; None for someone unknown who is refused.
        refusal: Code of the refusal, or None.
    """

    state: State | None
    refusal: int | None = None


def enter(before: State | None, *, suppressed: bool, resubscribe: bool, rules: EntryRules) -> Verdict:
    """Decide about one person.

    Args:
        before: State on this list, None for someone unknown to it.
        suppressed: Whether the client's suppression list has the address.
        resubscribe: Whether the write asks to bring back those who left.
        rules: The list's rules.
    """
    if not resubscribe:
        refusal = _refusal(before, suppressed=suppressed, rules=rules)
        if refusal is not None:
            return Verdict(before, refusal)
    if before is None:
        return Verdict(State.UNCONFIRMED if rules.confirmed_opt_in else State.ACTIVE)
    if before is State.UNCONFIRMED:
        return Verdict(rules.unconfirmed_resubscribed)
    return Verdict(State.ACTIVE)


def all_verdicts(rules: EntryRules, *, resubscribe: bool) -> dict[tuple[int | None, bool], Verdict]:
    """Return the verdicts of a write by the state before and whether the address is suppressed."""
    return {
        (before, suppressed): enter(before, suppressed=suppressed, resubscribe=resubscribe, rules=rules)
        for before in (None, *State)
        for suppressed in (False, True)
    }


def _refusal(before: State | None, *, suppressed: bool, rules: EntryRules) -> int | None:
    stops_newcomer = before is not None or rules.suppressed_newcomer_refused
    by_suppression = errors.SUPPRESSED if suppressed and rules.heeds_suppression and stops_newcomer else None
    by_state = None if before is None else REFUSALS.get(before)
    if rules.suppressed_first:
        return by_suppression or by_state
    return by_state or by_suppression
