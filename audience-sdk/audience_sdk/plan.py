"""The plan: the difference between the segments now and the ledger, and the guards that stand before any request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audience_sdk.errors import TOO_MANY_PROFILES, CixError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audience_sdk.ledger import DiffCounts, Staging


@dataclass(frozen=True)
class ListPlan:
    """What is to be done to one list.

    Attributes:
        list_id: The platform's id.
        list_no: The ledger's number.
        diff: How many rows are to be created, updated, left alone, or are duplicates.
    """

    list_id: str
    list_no: int
    diff: DiffCounts


@dataclass(frozen=True)
class Plan:
    """What is to be done in one run.

    Attributes:
        lists: One plan for each list that a segment goes to, in the order of their arrival.
        people: How many different addresses the run holds.
    """

    lists: tuple[ListPlan, ...]
    people: int

    @property
    def writes(self) -> int:
        """How many rows are to be sent."""
        return sum(each.diff.create + each.diff.update for each in self.lists)


def make_plan(staging: Staging, list_nos: Mapping[str, int]) -> Plan:
    """Compare what is staged with what is confirmed.

    Args:
        staging: The staged rows.
        list_nos: The ledger's number of each list, by the platform's id.
    """
    diffs = staging.diff()
    return Plan(
        tuple(ListPlan(list_id, no, diffs[no]) for list_id, no in list_nos.items() if no in diffs), staging.people()
    )


def check_guards(plan: Plan, max_profiles: int) -> None:
    """Stop a run that must not begin to send.

    Args:
        plan: The plan.
        max_profiles: Most different people in one run.

    Raises:
        CixError: `TOO_MANY_PROFILES`, with the numbers and the setting that allows more.
    """
    if plan.people > max_profiles:
        raise CixError(
            TOO_MANY_PROFILES,
            f"The segments hold {plan.people} different people, `max_profiles` is {max_profiles}; nothing was sent.",
        )
