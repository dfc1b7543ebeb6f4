"""The difference of a list: who is staged for it against who is confirmed on it, both read once in the same order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from xxhash import xxh3_64_intdigest

from audience_sdk.contact import Action
from audience_sdk.ledger.schema import MAY_BE_ON, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audience_sdk.ledger.planned import PlannedRow
    from audience_sdk.ledger.sorting import NewRow

HELD_SUPPRESSED, HELD_AWAY, DUPLICATE = "held-suppressed", "held-away", "duplicate"
"""In the plan beside the actions: rows that are not sent, and why."""

KeysBySegment = Mapping[int, Collection[str]]
"""Keys of contacts, each once, by the run's number of the segment."""

_KEY, _SEGMENT = itemgetter(0), itemgetter(1)
_HALF = 1 << 63
_ON = Status.ON.value
_UNSURE = {Status.UNSURE.value, Status.UNSURE_REMOVED.value}
_HELD_AWAY = {Status.AWAY.value, Status.UNSURE_AWAY.value}
_SUPPRESSED = {Status.SUPPRESSED.value, Status.SUPPRESSED_REMOVED.value}
_JOINS_AGAIN = {Status.REMOVED.value, Status.SUPPRESSED_REMOVED.value, *_UNSURE}
_MAY_RETURN = {*_JOINS_AGAIN, *_HELD_AWAY} - {Status.UNSURE.value}
_MAY_BE_ON = {status.value for status in MAY_BE_ON}
_THERE = {_ON, Status.FOUND.value}


class Known(NamedTuple):
    """A contact of the ledger.

    Attributes:
        email_key: The key of the contact.
        hash: Of the confirmed payload, 0 if that is not known.
        status: A `Status`'s value.
        ours: Whether an export has put it on the list.
        changed_at: When the ledger learnt so, seconds since the epoch.
        row_key: The profile's key in its stream.
        fed: Whether a segment feeds the person that this run has not read to its end.
    """

    email_key: str
    hash: int
    status: str
    ours: int
    changed_at: int
    row_key: str
    fed: int


@dataclass(frozen=True)
class DiffRules:
    """What the difference depends on besides the contacts.

    Attributes:
        full_resync: Whether unchanged contacts are sent too.
        ask_again_before: Seconds since the epoch; who was suppressed before this is sent again.
        readmit: Whether people who may have left the list by their own act are sent.
        removes: Whether contacts that have left every segment leave the list.
        adopt_existing: Whether contacts that an export did not put on the list may leave it too.
        complete: The segments that were read to their end.
    """

    full_resync: bool = False
    ask_again_before: int = 0
    readmit: bool = False
    removes: bool = False
    adopt_existing: bool = False
    complete: Collection[str] = ()


@dataclass
class DiffCounts:
    """The difference between a list's staged and confirmed contacts, in rows.

    Attributes:
        people: Different addresses.
        duplicate: Rows whose address came again later.
        unchanged: Contacts that the platform has confirmed just so.
        create: Contacts that are to join the list.
        update: Contacts that are on it with another payload.
        remove: Contacts that are to leave it.
        held: Contacts that are not sent, because they are suppressed or may have left.
        stay: Contacts on the list that no segment feeds, and of whom nothing shows that an export has put them there.
    """

    people: int = 0
    duplicate: int = 0
    unchanged: int = 0
    create: int = 0
    update: int = 0
    remove: int = 0
    held: int = 0
    stay: int = 0


def payload_hash(payload: bytes) -> int:
    """Return the hash by which a contact's payload is compared with the confirmed one.

    64 bits are enough: only the old and the new payload of one contact are ever compared, and the chance that a change
    goes unseen is one in 10^19. Nobody gains by making two payloads that have the same one, so a quick hash does; those
    of XXH3 are the same on every machine and in every version of the library.

    Args:
        payload: The JSON of a row.

    Returns:
        A signed number of 64 bits, as databases hold them.
    """
    return xxh3_64_intdigest(payload) - _HALF


@dataclass
class Part:
    """What the next people in the order of their keys come to.

    Attributes:
        planned: The rows of the plan by action or other kind, in the order of their keys.
        joined: Whom a segment has not fed into the list before, by its number: the keys of the contacts.
        left: Whom a segment has fed into the list and holds no more, likewise.
    """

    planned: defaultdict[str, list[PlannedRow]]
    joined: dict[int, list[str]]
    left: dict[int, list[str]]


class Comparison:
    """The people of one list, staged against known, looked at part by part in the order of their keys.

    Of several rows with one address, the last one counts.

    Args:
        rules: What the difference depends on besides the contacts.

    Attributes:
        counts: The difference, as far as it was looked at.
        people_of: How many different addresses each segment has, by its number.
    """

    def __init__(self, rules: DiffRules) -> None:
        self.counts = DiffCounts()
        self.people_of: Counter[int] = Counter()
        self._rules = rules

    def part(self, staged: Sequence[NewRow], known: Sequence[Known], fed: KeysBySegment) -> Part:
        """Compare the next people.

        Args:
            staged: Rows in the order of their keys; all that have the same key.
            known: The contacts of the ledger in the same range of keys.
            fed: Whom the run's segments fed into the list before, in the same range.
        """
        planned: defaultdict[str, list[PlannedRow]] = defaultdict(list)
        contacts = {contact[0]: contact for contact in known}
        creates, full_resync = planned[Action.CREATE.value], self._rules.full_resync
        people = 0
        last = {row[0]: row for row in staged}
        feeders = _take_the_last(last, staged, planned[DUPLICATE]) if len(last) < len(staged) else {}
        for key, segment, row_key, email, payload in last.values():
            contact = contacts.pop(key, None)
            if payload is None:
                continue
            people += 1
            segments = feeders.get(key) or (segment,)
            digest = payload_hash(payload)
            if contact is None:
                creates.append((key, email, row_key, segments, payload, digest, False))
            elif full_resync or contact.status != _ON or contact.hash != digest:
                returns = contact.status in _MAY_RETURN
                action = _action_for(contact, self._rules)
                planned[action].append((key, email, row_key, segments, payload, digest, returns))
        self._leave(contacts.values(), planned)
        self._count(people, planned)
        present = _by_segment(staged)
        sendable = [row for row in staged if row[4] is not None]
        sent = present if len(sendable) == len(staged) else _by_segment(sendable)
        self.people_of.update({segment: len(keys) for segment, keys in sent.items()})
        return Part(planned, _but(present, fed), _but(fed, present))

    def _leave(self, contacts: Iterable[Known], planned: defaultdict[str, list[PlannedRow]]) -> None:
        """Plan who leaves, of those who are not staged."""
        if not self._rules.removes:
            return
        removes = planned[Action.REMOVE.value]
        for contact in contacts:
            if _leaves(contact, self._rules):
                removes.append((contact.email_key, None, contact.row_key, (), b"", contact.hash, False))
            elif contact.status in _THERE and not contact.fed:
                self.counts.stay += 1

    def _count(self, people: int, planned: defaultdict[str, list[PlannedRow]]) -> None:
        counts = self.counts
        counts.people += people
        counts.duplicate += len(planned[DUPLICATE])
        counts.create += len(planned[Action.CREATE.value])
        counts.update += len(planned[Action.UPDATE.value])
        counts.remove += len(planned[Action.REMOVE.value])
        counts.held += len(planned[HELD_SUPPRESSED]) + len(planned[HELD_AWAY])
        counts.unchanged = counts.people - counts.create - counts.update - counts.held


def _action_for(known: Known, rules: DiffRules) -> str:
    """Return what is to be done with somebody who is staged and is not known to be on the list just so."""
    if known.status in _HELD_AWAY:
        return Action.CREATE.value if rules.readmit else HELD_AWAY
    if known.status in _SUPPRESSED and known.changed_at > rules.ask_again_before:
        return HELD_SUPPRESSED
    if known.status in _JOINS_AGAIN or (known.status == Status.SUPPRESSED.value and not known.ours):
        return Action.CREATE.value
    return Action.UPDATE.value


def _leaves(known: Known, rules: DiffRules) -> bool:
    """Say whether somebody leaves the list who is not staged for it."""
    found = known.status == Status.FOUND.value and rules.adopt_existing
    return (known.status in _MAY_BE_ON or found) and bool(known.ours or rules.adopt_existing) and not known.fed


def _take_the_last(
    last: dict[str, NewRow], staged: Sequence[NewRow], duplicates: list[PlannedRow]
) -> dict[str, tuple[int, ...]]:
    """Let the last row that can be sent count for each address that has several.

    Args:
        last: The last row of each address; corrected.
        staged: Rows in the order of their keys.
        duplicates: Takes the rows that do not count.

    Returns:
        The segments of these addresses, that of the row that counts first.
    """
    feeders: dict[str, tuple[int, ...]] = {}
    repeated = {
        row[0] for row, following in zip(staged, islice(staged, 1, None), strict=False) if row[0] == following[0]
    }
    for key, rows in groupby((row for row in staged if row[0] in repeated), _KEY):
        several = list(rows)
        alike = [row for row in several if row[4] is not None] or several[-1:]
        last[key] = alike[-1]
        feeders[key] = tuple(dict.fromkeys(row[1] for row in reversed(alike)))
        duplicates += [(key, row[3], row[2], (row[1],), b"", 0, False) for row in alike[:-1]]
    return feeders


def _by_segment(rows: Sequence[NewRow]) -> dict[int, dict[str, None]]:
    """Return the keys of rows by segment, each once."""
    segments = set(map(_SEGMENT, rows))
    if len(segments) == 1:
        return {segments.pop(): dict.fromkeys(map(_KEY, rows))}
    keys: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for row in rows:
        keys[row[1]][row[0]] = None
    return keys


def _but(people: KeysBySegment, others: KeysBySegment) -> dict[int, list[str]]:
    """Return the keys that are not among the others of the same segment."""
    found = {
        segment: [key for key in keys if key not in others[segment]] if segment in others else list(keys)
        for segment, keys in people.items()
    }
    return {segment: keys for segment, keys in found.items() if keys}
