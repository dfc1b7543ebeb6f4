"""The battery that a destination must pass to count as supported, run from the plugin's own tests.

    @pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
    def test_conformance(check, subject):
        check(subject)

Each check is a promise that the engine relies on. It runs against a stand-in of the platform, or an account for tests,
through the destination alone, and raises `AssertionError` with the promise that was broken. Each check wants a list of
its own and an account that does not know its people, as some of them leave and unsubscribe.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from audience_sdk.contact import Action, Contact, Outcome, StagedRow, email_key_of
from audience_sdk.destination import Batch, BatchRefusedError, BatchResult, Job, JobDestination, Leavers
from audience_sdk.errors import LIST_UNKNOWN, CixError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from audience_sdk.destination import Destination, EncodedRow
    from audience_sdk.mapping import FieldMapping

_DEADLINE_SECONDS = 30.0
_POLL_SECONDS = 0.1
_WRITTEN = (
    "Conformance.0@Example.com",
    "conformance.1@example.com",
    "conformance.2@Example.com",
    "conformance.3@example.com",
)
"""Addresses as a segment has them; people are told apart by them in lower case."""
_PEOPLE = tuple(map(email_key_of, _WRITTEN))
_AS_WRITTEN = dict(zip(_PEOPLE, _WRITTEN, strict=True))
_MANY = 2_500
"""More than a page of any listing, and as many as many a platform takes at once."""


@dataclass(frozen=True)
class Subject:
    """A destination under test, with what the tests know of its platform.

    Attributes:
        destination: The destination.
        list_id: A list that holds none of the battery's people.
        missing_list_id: An id of no list.
        mapping: A field mapping that fits the list.
        is_mailed: Says whether the list holds an address in a state in which it is mailed.
        unsubscribe: Lets a person unsubscribe at the platform by their own act.
        leave: Lets a person leave the list, without unsubscribing, by their own act or the owner's.
    """

    destination: Destination
    list_id: str
    missing_list_id: str
    mapping: FieldMapping
    is_mailed: Callable[[str], bool]
    unsubscribe: Callable[[str], None]
    leave: Callable[[str], None]


def check_joins_are_held(subject: Subject) -> None:
    """People who are sent as joining are on the list, and each is confirmed."""
    result = _send(subject, Action.CREATE, _PEOPLE)
    assert not result.problems, "a valid row was not confirmed"
    assert all(map(subject.is_mailed, _PEOPLE)), "a confirmed person is not on the list"


def check_replay_is_harmless(subject: Subject) -> None:
    """The same batch sent twice leaves the list as it was after the first time."""
    _send(subject, Action.CREATE, _PEOPLE)
    result = _send(subject, Action.CREATE, _PEOPLE)
    assert not result.problems, "a replay was refused"
    held = [member for member in subject.destination.members(subject.list_id) if member.email_key in _PEOPLE]
    assert len(held) == len(_PEOPLE), "a replay doubled or lost people"


def check_unsubscribed_stay_away(subject: Subject) -> None:
    """Who has unsubscribed is suppressed when sent again, and nobody else is."""
    _send(subject, Action.CREATE, _PEOPLE)
    subject.unsubscribe(_PEOPLE[0])
    for action in (Action.CREATE, Action.UPDATE):
        result = _send(subject, action, _PEOPLE)
        outcomes = {key: problem.outcome for key, problem in result.problems.items()}
        assert outcomes == {_PEOPLE[0]: Outcome.SUPPRESSED}, f"{action.value}: an unsubscribed person is not told"
        assert not subject.is_mailed(_PEOPLE[0]), f"{action.value}: an unsubscribed person is mailed again"


def check_who_is_unsubscribed_gets_no_more_mail(subject: Subject) -> None:
    """Who leaves by being unsubscribed is mailed no more; the others are."""
    _send(subject, Action.CREATE, _PEOPLE)
    for _ in range(2):
        batch = Batch(subject.list_id, Action.REMOVE, _rows(subject, Action.REMOVE, _PEOPLE[:2]), time.time())
        result = _end_of(subject, batch, subject.destination.unsubscribe(batch))
        assert not result.problems, "unsubscribing was not confirmed"
    assert not any(map(subject.is_mailed, _PEOPLE[:2])), "a person who was unsubscribed is mailed"
    assert all(map(subject.is_mailed, _PEOPLE[2:])), "a person who was to stay is not on the list"


def check_a_large_batch_is_held_and_listed(subject: Subject) -> None:
    """No row of a large batch gets lost, and reading back ends with the last page."""
    many = [f"conformance.many.{number}@example.com" for number in range(min(_MANY, subject.destination.limits.rows))]
    result = _send(subject, Action.CREATE, many)
    assert not result.problems, "a valid row of a large batch was not confirmed"
    listed = {member.email_key for member in subject.destination.members(subject.list_id) if member.on_list}
    assert listed.issuperset(many), "people of a large batch are not on the list, or reading back leaves them out"


def check_a_change_never_re_adds(subject: Subject) -> None:
    """A changed contact that has left the list in the meantime is not put back."""
    _send(subject, Action.CREATE, _PEOPLE)
    subject.leave(_PEOPLE[0])
    _send(subject, Action.UPDATE, _PEOPLE)
    assert not subject.is_mailed(_PEOPLE[0]), "a change has put a person back on the list"
    assert all(map(subject.is_mailed, _PEOPLE[1:])), "a change has taken a person off the list"


def check_leaving_twice_is_leaving(subject: Subject) -> None:
    """Who is to leave leaves; who has left already is no problem; the others stay."""
    _send(subject, Action.CREATE, _PEOPLE)
    for _ in range(2):
        result = _send(subject, Action.REMOVE, _PEOPLE[:2])
        assert not result.problems, "leaving was not confirmed"
    assert not any(map(subject.is_mailed, _PEOPLE[:2])), "a person who was to leave is on the list"
    assert all(map(subject.is_mailed, _PEOPLE[2:])), "a person who was to stay is not on the list"


def check_who_left_is_told_from_who_never_joined(subject: Subject) -> None:
    """Who is to leave and has done so by their own act is absent, and known; only who never joined may be unknown."""
    _send(subject, Action.CREATE, _PEOPLE)
    subject.leave(_PEOPLE[0])
    result = _send(subject, Action.REMOVE, _PEOPLE[:2])
    assert set(result.absent) == {_PEOPLE[0]}, "a person who had left before is not `absent`, or somebody else is"
    assert not result.unknown, "a person who had joined and left is taken for one who never joined"


def check_who_was_removed_may_return(subject: Subject) -> None:
    """Whom we took off the list comes back when sent as returning."""
    _send(subject, Action.CREATE, _PEOPLE)
    _send(subject, Action.REMOVE, _PEOPLE[:1])
    result = _send(subject, Action.CREATE, _PEOPLE[:1], returns=True)
    assert not result.problems, "a returning person was not confirmed"
    assert subject.is_mailed(_PEOPLE[0]), "a returning person is not on the list"


def check_a_bad_row_stands_alone(subject: Subject) -> None:
    """A row that the platform does not take has its own outcome; the others are held."""
    bad = "conformance.bad@nowhere"
    try:
        result = _send(subject, Action.CREATE, [*_PEOPLE, bad])
    except BatchRefusedError:
        return  # The engine halves the batch.
    assert set(result.problems) == {bad}, "the wrong rows have problems"
    assert result.problems[bad].outcome is Outcome.REJECTED, "a row with a bad address is not `rejected`"
    assert all(map(subject.is_mailed, _PEOPLE)), "a good row beside a bad one is not on the list"


def check_everybody_is_listed(subject: Subject) -> None:
    """Reading back tells who is on the list and who is known besides."""
    _send(subject, Action.CREATE, _PEOPLE)
    subject.unsubscribe(_PEOPLE[0])
    found = {member.email_key: member.on_list for member in subject.destination.members(subject.list_id)}
    assert {email: found.get(email) for email in _PEOPLE} == {_PEOPLE[0]: False, **dict.fromkeys(_PEOPLE[1:], True)}, (
        "reading back does not tell who is on the list"
    )


def check_a_missing_list_is_named(subject: Subject) -> None:
    """A list that does not exist is an error of its own."""
    try:
        subject.destination.describe_list(subject.missing_list_id)
    except CixError as error:
        told = error.code
    else:
        raise AssertionError("a missing list was described")
    assert told is LIST_UNKNOWN, f"a missing list is {told.code}"


def check_rows_are_json_of_bounded_length(subject: Subject) -> None:
    """A row is one JSON value however long the texts are, and a warning never quotes one."""
    encode = _encoder(subject)
    text = 'Ünïcode "quoted" text ' * 50
    fields = dict.fromkeys(subject.mapping.fields, text)
    custom = dict.fromkeys(subject.mapping.custom_fields, text)
    row = encode(Contact("key", _PEOPLE[0], _PEOPLE[0], fields, custom))
    msgspec.json.decode(row.payload)
    assert not any(text[:20] in warning for warning in row.warnings), "a warning quotes a value"


CHECKS: tuple[Callable[[Subject], None], ...] = (
    check_joins_are_held,
    check_replay_is_harmless,
    check_unsubscribed_stay_away,
    check_who_is_unsubscribed_gets_no_more_mail,
    check_a_large_batch_is_held_and_listed,
    check_a_change_never_re_adds,
    check_leaving_twice_is_leaving,
    check_who_left_is_told_from_who_never_joined,
    check_who_was_removed_may_return,
    check_a_bad_row_stands_alone,
    check_everybody_is_listed,
    check_a_missing_list_is_named,
    check_rows_are_json_of_bounded_length,
)
"""Every check; a destination passes all of them."""


def _encoder(subject: Subject) -> Callable[[Contact], EncodedRow]:
    return subject.destination.row_encoder(subject.destination.describe_list(subject.list_id), subject.mapping)


def _rows(subject: Subject, action: Action, people: Iterable[str], *, returns: bool = False) -> list[StagedRow]:
    encode = _encoder(subject)
    rows = []
    for key in sorted(people):
        email = _AS_WRITTEN.get(key, key)
        payload = b"" if action is Action.REMOVE else encode(Contact("key", email, key, {}, {})).payload
        # Of who leaves, only the key is known.
        address = None if email == key or action is Action.REMOVE else email
        rows.append(StagedRow(key, address, "key", (), payload, returns=returns))
    return rows


def _send(subject: Subject, action: Action, people: Iterable[str], *, returns: bool = False) -> BatchResult:
    """Send people as the engine does, and wait for the platform's own end of it."""
    batch = Batch(subject.list_id, action, _rows(subject, action, people, returns=returns), time.time())
    leavers = Leavers(batch.rows)
    if action is Action.REMOVE:
        leavers = subject.destination.look_up(batch)
    result = BatchResult()
    if leavers.rows:
        batch = replace(batch, rows=leavers.rows)
        result = _end_of(subject, batch, subject.destination.send(batch))
    subject.destination.finish_list(subject.list_id)
    return replace(result, absent=[*leavers.absent, *result.absent], unknown=[*leavers.unknown, *result.unknown])


def _end_of(subject: Subject, batch: Batch, answer: BatchResult | Job) -> BatchResult:
    if isinstance(answer, Job):
        assert isinstance(subject.destination, JobDestination), "a job came from a destination that cannot be polled"
        answer = subject.destination.settle(batch, _wait_for(subject.destination, answer.job_id))
    answer.check(batch.rows)
    return answer


def _wait_for(destination: JobDestination, job_id: str) -> object:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < deadline:
        answers = destination.poll([job_id])
        if job_id in answers:
            return answers[job_id]
        time.sleep(_POLL_SECONDS)
    raise AssertionError("a job has not ended")
