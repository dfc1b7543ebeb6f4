"""What became of each row of an import, where the platform gives counts only: its people are read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from target_constant_contact.addresses import AddressSet
from target_constant_contact.answers import (
    DELETED,
    FULL,
    LEFT,
    UNSUBSCRIBED,
    UNTOUCHED,
    counter,
    moment_of,
    not_taken,
    reasons,
)
from target_constant_contact.contacts import address_of, is_deleted, is_on, is_unsubscribed, look_up
from target_constant_contact.paging import pages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from audience_sdk.contact import RowProblem
    from audience_sdk.http import Api

_CLOCK_SKEW = timedelta(seconds=120)
_SLACK = timedelta(seconds=5)
_SINGLE_LOOK_UPS = 100
"""Up to so many people are looked up one by one; beyond, reading a whole listing takes fewer requests."""

_FEW_PAGES = 2_500
"""Up to so many rows, reading back those that the import has touched takes few requests."""

MAX_LISTS = 50
"""Lists of one contact (vendor's API contract)."""


@dataclass
class Landed:
    """What was found out about the rows of an import.

    Attributes:
        problems: Why a row is not on the list, by address; of the others it was seen that they are.
        contact_ids: The platform's ids of those who were seen, by address.
        unnamed: How many rows the platform refused of which it cannot be told which they are.
    """

    problems: dict[str, RowProblem] = field(default_factory=dict)
    contact_ids: dict[str, str] = field(default_factory=dict)
    unnamed: int = 0


class ReadBack:
    """Finds the rows of imports that did not land, in as few requests as the service allows.

    What one listing has told is kept for the imports that follow in the same run.

    Args:
        api: The API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._unsubscribed: AddressSet | None = None
        self._on_lists: dict[str, AddressSet] = {}

    def landed(
        self,
        activity: Mapping[str, Any],
        email_keys: Sequence[str],
        list_id: str,
        sent_at: float,
        *,
        counted: bool,
        joins: bool = False,
    ) -> Landed:
        """Find the rows of an import that did not land on its list, and why.

        Args:
            activity: The activity, at its end.
            email_keys: The addresses of its rows, in the order in which they were sent.
            list_id: The list that it named.
            sent_at: When it was sent, seconds since the epoch.
            counted: Whether its counters are about these rows for certain.
            joins: Whether its people join the list by it: whom it has written and who is not there has left then.

        Raises:
            CixError: If the platform does not answer.
        """
        told = {email_keys[at]: text for at, text in reasons(activity, len(email_keys)).items()}
        explained = None
        if counted and len(email_keys) > _FEW_PAGES:
            explained = self._explained(activity, email_keys, list_id, told)
        if explained is not None:
            return explained
        since = written_since(activity, sent_at)
        found, missing = self._touched(email_keys, list_id, since)
        if not counted:
            return self._without_counters(found, missing, list_id)
        untouched = frozenset(missing)
        found = self._completed(found, missing, list_id, told, since if joins else None)
        _name_refused(found, untouched, _refused(activity, len(email_keys)), told)
        return found

    def _explained(
        self, activity: Mapping[str, Any], email_keys: Sequence[str], list_id: str, told: Mapping[str, str]
    ) -> Landed | None:
        """Name as many rows as the counters count, or give up if others may be meant."""
        refused = (counter(activity, "error_count") or 0) + (counter(activity, "correctable_count") or 0)
        suspects = [email_key for email_key in email_keys if email_key in told]
        if (counter(activity, "person_count") or 0) + refused != len(email_keys) or len(suspects) != refused:
            return None
        if refused > _SINGLE_LOOK_UPS:
            return None
        found = self._looked_up(suspects, list_id, told)
        if len(found.problems) != refused:
            return None
        not_added = counter(activity, "cannot_add_to_list_count") or 0
        if not_added:
            unsubscribed = [email_key for email_key in email_keys if email_key in self._all_unsubscribed()]
            if len(unsubscribed) != not_added or not found.problems.keys().isdisjoint(unsubscribed):
                return None
            found.problems.update(dict.fromkeys(unsubscribed, UNSUBSCRIBED))
        return found

    def _touched(self, email_keys: Sequence[str], list_id: str, since: datetime) -> tuple[Landed, set[str]]:
        """Return those rows that are on the list and changed since the import began, and whom else it named."""
        found = Landed()
        missing = set(email_keys)
        for contact in self._members(list_id, {"updated_after": f"{since:%Y-%m-%dT%H:%M:%SZ}"}):
            email_key = address_of(contact)
            if email_key in missing:
                missing.discard(email_key)
                found.contact_ids[email_key] = str(contact["contact_id"])
        return found, missing

    def _without_counters(self, found: Landed, missing: set[str], list_id: str) -> Landed:
        """Say of whom an import has not touched why; who was on the list before is not known to have been written."""
        found.problems.update(dict.fromkeys(missing, UNTOUCHED))
        if len(missing) <= _SINGLE_LOOK_UPS:
            found.problems.update(self._looked_up(sorted(missing), list_id, {}).problems)
        return found

    def _completed(
        self, found: Landed, missing: set[str], list_id: str, told: Mapping[str, str], since: datetime | None
    ) -> Landed:
        """Look for the rows that the import has not touched."""
        if len(missing) > _SINGLE_LOOK_UPS:
            # A contact that the import left as it was may keep its old time of change.
            if list_id not in self._on_lists:
                self._on_lists[list_id] = AddressSet(map(address_of, self._members(list_id, {})))
            missing = {email_key for email_key in missing if email_key not in self._on_lists[list_id]}
        if len(missing) > _SINGLE_LOOK_UPS:
            gone = {email_key for email_key in missing if email_key in self._all_unsubscribed()}
            found.problems.update(dict.fromkeys(gone, UNSUBSCRIBED))
            missing -= gone
        if len(missing) > _SINGLE_LOOK_UPS:
            found.problems.update({email_key: not_taken(told.get(email_key, "")) for email_key in missing})
            return found
        rest = self._looked_up(sorted(missing), list_id, told, since)
        found.problems.update(rest.problems)
        found.contact_ids.update(rest.contact_ids)
        return found

    def _looked_up(
        self, email_keys: Iterable[str], list_id: str, told: Mapping[str, str], since: datetime | None = None
    ) -> Landed:
        found = Landed()
        for email_key in email_keys:
            contact = look_up(self._api, email_key)
            problem = problem_of(contact, list_id, told.get(email_key, ""), since)
            if problem is not None:
                found.problems[email_key] = problem
            elif contact is not None:
                found.contact_ids[email_key] = str(contact["contact_id"])
        return found

    def _members(self, list_id: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        whole = {"lists": list_id, "status": "all", "include": "list_memberships", "limit": 500, **query}
        for contact in pages(self._api, "/contacts", "contacts", whole):
            if is_on(contact, list_id):
                yield contact

    def _all_unsubscribed(self) -> AddressSet:
        if self._unsubscribed is None:
            listing = pages(self._api, "/contacts", "contacts", {"status": "unsubscribed", "limit": 500})
            self._unsubscribed = AddressSet(map(address_of, filter(is_unsubscribed, listing)))
        return self._unsubscribed


def _refused(activity: Mapping[str, Any], rows: int) -> int:
    """Return how many rows did not land, as the counters have it."""
    people, not_added = counter(activity, "person_count"), counter(activity, "cannot_add_to_list_count")
    return 0 if people is None else rows - people + (not_added or 0)


def _name_refused(found: Landed, untouched: Collection[str], refused: int, told: Mapping[str, str]) -> None:
    """Find refused rows among people who were on the list before: of those whom the import has not touched."""
    lacking = refused - len(found.problems)
    if lacking <= 0:
        return
    suspects = [email_key for email_key in sorted(untouched) if email_key not in found.problems]
    if len(suspects) != lacking:
        suspects = [email_key for email_key in suspects if email_key in told][:lacking]
    found.problems.update({email_key: not_taken(told.get(email_key, "")) for email_key in suspects})
    found.unnamed = lacking - len(suspects)


def written_since(activity: Mapping[str, Any], sent_at: float) -> datetime:
    """Return a time after which the platform has written all rows of an import, by its own clock if it tells.

    Args:
        activity: The activity.
        sent_at: When the import was sent, seconds since the epoch.
    """
    started_at = moment_of(activity.get("started_at"))
    return started_at - _SLACK if started_at else datetime.fromtimestamp(sent_at, timezone.utc) - _CLOCK_SKEW


def problem_of(
    contact: dict[str, Any] | None, list_id: str, told: str = "", since: datetime | None = None
) -> RowProblem | None:
    """Return why a row is not on a list, or None if it is.

    Args:
        contact: The contact with its lists, if there is one.
        list_id: The list.
        told: What the service says of the row, if it does.
        since: Whoever has changed since then was put on the list by the import; None if that is not known.
    """
    if contact is None:
        return not_taken(told)
    if is_unsubscribed(contact):
        return UNSUBSCRIBED
    if list_id in contact.get("list_memberships", ()):
        return None
    if is_deleted(contact):
        return DELETED
    if len(contact.get("list_memberships", ())) >= MAX_LISTS:
        return FULL
    changed_at = moment_of(contact.get("updated_at"))
    return LEFT if not told and since and changed_at and changed_at >= since else not_taken(told)
