"""The bulk import: up to 1000 people at once, with one answer about all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cix_sandbox.campaign_monitor import errors, persons
from cix_sandbox.campaign_monitor.call import find_list
from cix_sandbox.campaign_monitor.enrolment import Enrolment
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.forms import Import
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cix_sandbox.campaign_monitor.call import Call
    from cix_sandbox.campaign_monitor.enrolment import Entry
    from cix_sandbox.campaign_monitor.forms import Person

MAX_ROWS = 1000


class Distinct(NamedTuple):
    """The rows of an import with every address once.

    Attributes:
        keys: The address of each in lower case, empty where there is none, in the order of first appearance.
        people: The row that counts for each address, in the same order.
        duplicates: Addresses that were there more than once, as spelled the second time.
    """

    keys: list[str]
    people: Sequence[Person]
    duplicates: list[str]


def import_subscribers(call: Call) -> Answer:
    """Store a batch; good rows are stored even when others fail."""
    target = find_list(call)
    batch = call.decode(Import, "subscribers")
    people = batch.subscribers or []
    call.rows = len(people)
    if len(people) > MAX_ROWS:
        raise ApiError(errors.BATCH_TOO_LARGE)
    if not people:
        raise ApiError(errors.EMPTY_BATCH)

    distinct = _distinct(people, last_wins=call.text("duplicate_winner") == "last")
    problems = _consent_problems(call, people, distinct)
    problems |= _address_problems(distinct.people)
    fit = [number for number in range(len(distinct.people)) if number not in problems]

    enrolment = Enrolment(call.backend, target, call.now)
    named = [(distinct.keys[number], distinct.people[number]) for number in fit]
    entries = enrolment.judge(named, resubscribe=batch.resubscribe)
    enrolment.write(entries, resubscribe=batch.resubscribe)
    for number, entry in zip(fit, entries, strict=True):
        if entry.verdict.refusal is not None:
            problems[number] = entry.verdict.refusal
    result = _result(call, distinct, entries, problems)
    if not problems:
        return Answer(result, 201)
    error = ApiError(errors.IMPORT_FAILURES)
    return Answer({"ResultData": result, **error.body()}, error.status)


def _distinct(people: Sequence[Person], *, last_wins: bool) -> Distinct:
    """Return every address once; rows without an address are each their own."""
    keys = [persons.make_key(person.email_address or "") for person in people]
    if len(set(keys)) == len(keys):
        return Distinct(keys, people, [])
    chosen: dict[str | int, Person] = {}
    duplicates: dict[str | int, str] = {}
    for number, (key, person) in enumerate(zip(keys, people, strict=True)):
        identity = key or number
        if identity in chosen:
            duplicates.setdefault(identity, person.email_address or "")
        if last_wins or identity not in chosen:
            chosen[identity] = person
    return Distinct(
        [key if isinstance(key, str) else "" for key in chosen], list(chosen.values()), list(duplicates.values())
    )


def _consent_problems(call: Call, people: Sequence[Person], distinct: Distinct) -> dict[int, int]:
    """Return the codes of rows without a valid consent, by number of the distinct row.

    Raises:
        ApiError: One row lacks it, where that fails the whole request.
    """
    missing = int(call.text("missing_consent_code"))
    whole_request = call.text("consent_check") == "whole_request"
    codes = {text: persons.consent_problem(text, missing) for text in {person.consent_to_track for person in people}}
    if not any(codes.values()):
        return {}
    checked = people if whole_request else distinct.people
    problems = {
        number: code for number, person in enumerate(checked) if (code := codes[person.consent_to_track]) is not None
    }
    if problems and whole_request:
        raise ApiError(min(problems.items())[1])
    return problems


def _address_problems(people: Sequence[Person]) -> dict[int, int]:
    """Return the codes of rows with a bad address or mobile number, by number of the row."""
    return {
        number: code for number, person in enumerate(people) if (code := persons.address_problem(person)) is not None
    }


def _result(
    call: Call,
    distinct: Distinct,
    entries: Sequence[Entry],
    problems: dict[int, int],
) -> dict[str, Any]:
    stored = [entry for entry in entries if entry.verdict.refusal is None]
    returned_are_new = call.text("resubscribed_counts_as") == "new"
    new = sum(entry.known is None or (returned_are_new and entry.known.state != State.ACTIVE) for entry in stored)
    return {
        "TotalUniqueEmailsSubmitted": len(distinct.people),
        "TotalExistingSubscribers": len(stored) - new,
        "TotalNewSubscribers": new,
        "DuplicateEmailsInSubmission": distinct.duplicates,
        "FailureDetails": [_failure(call, distinct.people[number], code) for number, code in sorted(problems.items())],
    }


def _failure(call: Call, person: Person, code: int) -> dict[str, Any]:
    message = errors.MESSAGES[code]
    if code == errors.INVALID_EMAIL and call.text("invalid_email_message") == "live":
        message = errors.LIVE_INVALID_EMAIL_MESSAGE
    return {"EmailAddress": person.email_address or "", "Code": code, "Message": message}
