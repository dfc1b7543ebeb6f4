"""Contacts, the vocabulary of outcomes, and what a valid e-mail address is."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from email_validator import EmailNotValidError, validate_email

from audience_sdk.errors import EMAIL_INVALID, EMAIL_MISSING, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(str, Enum):
    """What became of one row. Every received row has exactly one outcome."""

    INVALID = "invalid"
    """The mapping found nothing to send, for instance no valid address."""
    DUPLICATE = "duplicate"
    """A later row of the run has the same address and was taken instead."""
    UNCHANGED = "unchanged"
    """The platform has confirmed the very same contact before; nothing was sent."""
    CREATED = "created"
    """The platform confirmed a contact that was new to the list."""
    UPDATED = "updated"
    """The platform confirmed a change of a contact."""
    SUPPRESSED = "suppressed"
    """The person unsubscribed, bounced or is suppressed at the platform, and stays so."""
    REJECTED = "rejected"
    """The platform refused the row."""
    DEFERRED = "deferred"
    """The row was not sent in this run and waits for the next one."""
    FAILED = "failed"
    """The platform did not confirm the row; whether it holds it is unknown."""


class Contact(msgspec.Struct, frozen=True, gc=False):
    """A profile after mapping: what the platform is to hold.

    Attributes:
        row_key: The profile's key in its stream (`CustomerId`).
        email: The address as the source has it, trimmed.
        email_key: The address as contacts are told apart: lower case, Unicode NFC.
        fields: Text by standard field of the platform; empty fields are absent.
        custom_fields: Text by custom field of the platform; empty fields are absent.
    """

    row_key: str
    email: str
    email_key: str
    fields: Mapping[str, str]
    custom_fields: Mapping[str, str]


@dataclass(frozen=True)
class RowProblem:
    """Why a row did not end as created, updated or unchanged.

    Attributes:
        outcome: What became of the row.
        code: The registered situation.
        reason: One sentence; may name the platform's own code, never the row's values.
    """

    outcome: Outcome
    code: ErrorCode
    reason: str


class Action(str, Enum):
    """What a batch asks the platform to do with its rows."""

    CREATE = "create"
    """The contact joins the list."""
    UPDATE = "update"
    """A contact that was put on the list before has changed."""
    REMOVE = "remove"
    """The contact leaves the list, as its profile has left every segment that feeds it."""


class StagedRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A row of a batch.

    Attributes:
        email_key: The key of the contact.
        address: The address as it is sent, if it is not the key itself.
        row_key: The profile's key in its stream.
        segments: The run's numbers of the segments that feed the person, that of the row first; none for a contact that
            leaves.
        payload: The JSON of the row, as `row_encoder` made it; empty for a contact that leaves.
        hash: Of the payload, as the ledger keeps it.
        returns: Whether the contact may come back to a list that it has left: an earlier run has taken it off, or the
            export readmits it.
        platform_id: Of a contact that leaves a platform whose contacts leave by id (`Destination.removes_by_id`), the
            id, where an answer has shown it; the contact may have another address by now, unless `Destination.ids` has
            shown it in this run.
    """

    email_key: str
    address: str | None
    row_key: str
    segments: tuple[int, ...]
    payload: bytes
    hash: int = 0
    returns: bool = False
    platform_id: str | None = None

    @property
    def email(self) -> str:
        """The address as it is sent."""
        return self.address or self.email_key


class InvalidEmailError(ValueError):
    """The value is no e-mail address; the problem says why.

    Args:
        problem: The outcome of the row that holds the value.
    """

    def __init__(self, problem: RowProblem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


MAX_EMAIL_LENGTH = 254
"""Longest deliverable address (RFC 5321, section 4.5.3.1.3, less the angle brackets)."""

_MAX_LOCAL_LENGTH = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*").fullmatch


@lru_cache(maxsize=65_536)
def _domain_problem(domain: str) -> str | None:
    """Return why the library refuses the domain, or None; a segment has few distinct domains."""
    try:
        validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError as error:
        return str(error)
    return None


def normalise_email(value: str) -> tuple[str, str]:
    """Return an address trimmed, and the key by which contacts are told apart.

    The rules are those of the library `email-validator` without look-ups on the network. As its full check costs
    tens of microseconds, a plain local part is matched here and only each distinct domain goes through the library,
    unless it is not ASCII: then the length of the address depends on both parts in a way that the library knows.

    Args:
        value: What the e-mail column holds.

    Returns:
        The trimmed address and its key (lower case, Unicode NFC).

    Raises:
        InvalidEmailError: If there is no address, or it is not a valid one.
    """
    email = value.strip()
    if not email:
        raise InvalidEmailError(RowProblem(Outcome.INVALID, EMAIL_MISSING, "The e-mail column is empty."))
    local, at, domain = email.rpartition("@")
    if at and len(local) <= _MAX_LOCAL_LENGTH and domain.isascii() and _PLAIN_LOCAL_PART(local):
        reason = _domain_problem(domain)
    else:
        reason = _whole_address_problem(email)
    if reason is None and len(email) > MAX_EMAIL_LENGTH:
        reason = f"The address is longer than {MAX_EMAIL_LENGTH} characters."
    if reason is not None:
        raise InvalidEmailError(RowProblem(Outcome.INVALID, EMAIL_INVALID, reason))
    return email, email_key_of(email)


def email_key_of(text: str) -> str:
    """Return the key by which contacts are told apart, whoever has written the address.

    Args:
        text: An address, of ours or out of a platform's answer; need not be valid.

    Returns:
        Lower case, Unicode NFC, trimmed.
    """
    key = text.strip().lower()
    return key if key.isascii() else unicodedata.normalize("NFC", key)


def _whole_address_problem(email: str) -> str | None:
    try:
        validate_email(email, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        return str(error)
    return None
