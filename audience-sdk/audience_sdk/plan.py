"""The plan: the difference between the segments now and the ledger, and the guards that stand before any request."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from audience_sdk.contact import Action
from audience_sdk.errors import EMPTY_SEGMENT, MASS_REMOVAL, TOO_MANY_PROFILES, CixError
from audience_sdk.ledger import DiffRules

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from audience_sdk.ledger import DiffCounts, Ledger, Staging
    from audience_sdk.settings import Settings

_SAMPLE_ROWS = 5
_SECONDS_OF_A_DAY = 86_400


@dataclass(frozen=True)
class ListPlan:
    """What is to be done to one list.

    Attributes:
        list_id: The platform's id.
        list_no: The ledger's number.
        diff: How many contacts join, change, leave, or are left alone.
        members: How many contacts are on the list now, as far as the ledger knows.
        mapping_changed: Whether the list was last filled with another field mapping.
    """

    list_id: str
    list_no: int
    diff: DiffCounts
    members: int
    mapping_changed: bool


@dataclass(frozen=True)
class Plan:
    """What is to be done in one run.

    Attributes:
        lists: One plan for each list that a segment has gone to.
        people: How many different addresses the run holds; those on several lists may be counted for each, as long as
            the sum is within `max_profiles`.
        complete: The segments that were read to their end.
    """

    lists: tuple[ListPlan, ...]
    people: int
    complete: frozenset[str]

    @property
    def writes(self) -> int:
        """How many rows are to be sent."""
        return sum(each.diff.create + each.diff.update + each.diff.remove for each in self.lists)


def make_plan(
    ledger: Ledger,
    staging: Staging,
    list_nos: Mapping[str, int],
    complete: Collection[str],
    settings: Settings,
    mapping: bytes,
) -> Plan:
    """Compare what is staged with what is confirmed.

    Args:
        ledger: The ledger.
        staging: The staged rows.
        list_nos: The ledger's number of each list that a segment has gone to, by the platform's id.
        complete: The segments that were read to their end.
        settings: The export's settings.
        mapping: Fingerprint of the field mapping.
    """
    days = settings.ask_suppressed_again_days
    rules = DiffRules(
        full_resync=settings.full_resync,
        ask_again_before=int(time.time()) - days * _SECONDS_OF_A_DAY,
        readmit=settings.readmit,
        removes=settings.removes and bool(complete),
        adopt_existing=settings.adopt_existing,
        complete=complete,
    )
    diffs = staging.diff(list_nos.values(), rules)
    return Plan(
        lists=tuple(
            ListPlan(
                list_id,
                no,
                diffs[no],
                ledger.members_on(no, adopted=settings.adopt_existing),
                ledger.mapping_changed(no, mapping),
            )
            for list_id, no in list_nos.items()
        ),
        people=_people(diffs.values(), staging, settings.max_profiles),
        complete=frozenset(complete),
    )


def _people(diffs: Collection[DiffCounts], staging: Staging, allowed: int) -> int:
    """Return how many people there are; those on several lists are counted once only where it makes a difference."""
    over_all = sum(diff.people for diff in diffs)
    return staging.people() if len(diffs) > 1 and over_all > allowed else over_all


def check_guards(plan: Plan, ledger: Ledger, staging: Staging, settings: Settings) -> None:
    """Stop a run that must not begin to send.

    Args:
        plan: The plan.
        ledger: The ledger.
        staging: The staged rows.
        settings: The export's settings.

    Raises:
        CixError: `TOO_MANY_PROFILES`, `EMPTY_SEGMENT` or `MASS_REMOVAL`, with the numbers and the setting that
            allows it.
    """
    if plan.people > settings.max_profiles:
        raise CixError(
            TOO_MANY_PROFILES,
            f"The segments hold {plan.people} different people, `max_profiles` is {settings.max_profiles};"
            " nothing was sent.",
        )
    for each in plan.lists:
        if each.diff.remove == 0:
            continue
        sizes = {
            segment: (ledger.members_of(each.list_no, segment), staging.people_of(each.list_no, segment))
            for segment in sorted(plan.complete)
        }
        # First what is empty: it is the likely cause where many leave.
        for segment, (before, now) in sizes.items():
            if before and now == 0 and not settings.allow_empty_segment:
                raise CixError(
                    EMPTY_SEGMENT,
                    f"Segment `{segment}` is empty and fed {before} people into list {each.list_id} before;"
                    " nothing was sent.",
                )
        _check_removals(each.diff.remove, each.members, f"list {each.list_id}", settings)
        for segment, (before, now) in sizes.items():
            if now:
                _check_removals(before - now, before, f"segment `{segment}`", settings)


def _check_removals(leaving: int, before: int, where: str, settings: Settings) -> None:
    allowed = max(settings.removal_floor, int(before * settings.max_removal_ratio))
    if leaving > allowed:
        raise CixError(
            MASS_REMOVAL,
            f"{leaving} of {before} people would leave {where}, {allowed} may"
            f" (`max_removal_ratio` {settings.max_removal_ratio:g}); nothing was sent.",
        )


def preview(plan: Plan, ledger: Ledger, staging: Staging) -> dict[str, Any]:
    """Return the plan for a file: counts, and by each action a sample of people as keyed hashes.

    Args:
        plan: The plan.
        ledger: The ledger, which has the key.
        staging: The staged rows.
    """
    key = ledger.hash_key()
    return {
        each.list_id: {
            **asdict(each.diff),
            "members_before": each.members,
            "mapping_changed": each.mapping_changed,
            "sample": {
                action.value: [keyed_hash(key, email) for email in _sample(staging, each.list_no, action)]
                for action in Action
            },
        }
        for each in plan.lists
    }


def keyed_hash(key: bytes, email_key: str) -> str:
    """Return the hash by which a person is named where their address must not stand.

    Args:
        key: The ledger's secret key.
        email_key: The key of the contact.
    """
    return hmac.new(key, email_key.encode(), hashlib.sha256).hexdigest()[:16]


def _sample(staging: Staging, list_no: int, action: Action) -> list[str]:
    rows = staging.planned(list_no, action.value)
    return [row.email_key for _, row in zip(range(_SAMPLE_ROWS), rows, strict=False)]
