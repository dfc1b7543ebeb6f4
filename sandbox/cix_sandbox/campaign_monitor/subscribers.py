"""The calls about one subscriber."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor import errors, pending, persons
from cix_sandbox.campaign_monitor.call import find_list, lists_of
from cix_sandbox.campaign_monitor.enrolment import Enrolment
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.forms import Address, OnePerson
from cix_sandbox.campaign_monitor.reading import Reader
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.campaign_monitor.suppression import suppress_addresses
from cix_sandbox.campaign_monitor.throttle import hit
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    from cix_sandbox.campaign_monitor.call import Call, MailingList
    from cix_sandbox.campaign_monitor.forms import Person
    from cix_sandbox.campaign_monitor.roll import Subscriber

_SUBJECT = "subscriber"


def read_subscriber(call: Call) -> Answer:
    """Tell everything about one person, whatever their state."""
    target = find_list(call)
    call.rows = 1
    known = _find(call, target, _asked_email(call))
    reader = Reader(
        call.connection,
        target,
        brackets=call.flag("read_key_brackets"),
        tracking=call.query.flag("includetrackingpreference"),
        mobile=True,
    )
    return Answer(reader.items([known])[0])


def read_history(call: Call) -> Answer:
    """Tell what campaigns someone got: none, as the stand-in sends no mail."""
    target = find_list(call)
    call.rows = 1
    _find(call, target, _asked_email(call))
    return Answer([])


def add_subscriber(call: Call) -> Answer:
    """Accept one person for the list, at once or after a delay."""
    target = find_list(call)
    person = call.decode(OnePerson, _SUBJECT)
    call.rows = 1
    _check(call, person)
    email = (person.email_address or "").strip()
    _throttle(call, target, email)
    enrolment = Enrolment(call.backend, target, call.now)
    entries = enrolment.judge([(persons.make_key(email), person)], resubscribe=person.resubscribe)
    refusal = entries[0].verdict.refusal
    if refusal is not None:
        raise ApiError(refusal)
    delay = int(call.number("add_delay_seconds"))
    if delay:
        pending.put_off(call.connection, target.no, person, call.now + delay)
    else:
        enrolment.write(entries, resubscribe=person.resubscribe)
    return Answer(email, 201)


def update_subscriber(call: Call) -> Answer:
    """Change one person, also the address; someone unknown is never added."""
    target = find_list(call)
    person = call.decode(OnePerson, _SUBJECT)
    call.rows = 1
    known = _find(call, target, _asked_email(call))
    email = (person.email_address or known.email).strip()
    if not persons.valid_email(email):
        raise ApiError(errors.INVALID_NEW_EMAIL)
    person.email_address = email
    _check(call, person)
    _throttle(call, target, email)
    key = persons.make_key(email)
    if key != known.key and call.backend.roll.find(target.no, key) is not None:
        raise ApiError(errors.ADDRESS_TAKEN)
    call.backend.roll.move(known, key, email)
    enrolment = Enrolment(call.backend, target, call.now)
    enrolment.change(person, resubscribe=person.resubscribe)
    return Answer()


def unsubscribe(call: Call) -> Answer:
    """Let one person leave for good, on every list that shares its unsubscribes."""
    target = find_list(call)
    email = call.decode(Address, _SUBJECT).email_address or ""
    call.rows = 1
    known = _find(call, target, email)
    if known.state != State.ACTIVE:
        raise ApiError(errors.NOT_ON_LIST)
    _leave(call, known, State.UNSUBSCRIBED)
    if target.heeds_suppression:
        suppress_addresses(call.connection, target.client_no, [known.email], "Unsubscribed", call.now)
        for other in lists_of(call.connection, target.client_no):
            there = call.backend.roll.find(other.no, known.key) if other.heeds_suppression else None
            if there is not None and there.state == State.ACTIVE:
                _leave(call, there, State.UNSUBSCRIBED)
    return Answer()


def delete_subscriber(call: Call) -> Answer:
    """Take one active person off the list; the suppression list is not touched."""
    target = find_list(call)
    call.rows = 1
    known = _find(call, target, _asked_email(call))
    inactive = call.text("delete_inactive")
    if known.state == State.ACTIVE or inactive == "deleted":
        _leave(call, known, State.DELETED)
    elif inactive == "203":
        raise ApiError(errors.NOT_ON_LIST)
    return Answer()


def _leave(call: Call, known: Subscriber, state: State) -> None:
    call.backend.roll.store(known.list_no, [known._replace(state=state, changed=call.now)])


def _asked_email(call: Call) -> str:
    return call.query.text("email")


def _find(call: Call, target: MailingList, email: str) -> Subscriber:
    if not persons.valid_email(email.strip()):
        raise ApiError(errors.INVALID_EMAIL)
    known = call.backend.roll.find(target.no, persons.make_key(email))
    if known is None:
        raise ApiError(errors.NOT_ON_LIST)
    return known


def _check(call: Call, person: Person) -> None:
    problem = persons.address_problem(person)
    if problem is None:
        problem = persons.consent_problem(person.consent_to_track, int(call.text("missing_consent_code")))
    if problem is not None:
        raise ApiError(problem)


def _throttle(call: Call, target: MailingList, email: str) -> None:
    if call.text("rate_limit") != "per_address":
        return
    usage = hit(
        call.connection,
        f"{target.no} {persons.make_key(email)}",
        limit=int(call.number("address_throttle_limit")),
        seconds=int(call.number("address_throttle_seconds")),
        now=call.now,
    )
    if not usage.allowed:
        raise ApiError(errors.RATE_LIMIT, errors.ADDRESS_THROTTLE_MESSAGE)
