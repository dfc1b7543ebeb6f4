"""Checks of what a write says about one person, before the list is looked at."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor import errors

if TYPE_CHECKING:
    from cix_sandbox.campaign_monitor.forms import Person

MAX_EMAIL = 254
CONSENTS = ("Yes", "No", "Unchanged")
_DOMAIN = re.compile(r"[^@\s.]+(?:\.[^@\s.]+)+")
_MOBILE = re.compile(r"\+[1-9]\d{6,14}")
_CONSENT_BY_LOWER = {consent.lower(): consent for consent in CONSENTS}


def make_key(email: str) -> str:
    """Return what identifies an address: itself without blanks around it, in lower case."""
    return email.strip().lower()


def valid_email(email: str) -> bool:
    """Say whether an address is accepted: one @, a dotted domain, no blanks, not too long."""
    mailbox, _, domain = email.partition("@")
    return len(email) <= MAX_EMAIL and mailbox.split() == [mailbox] and _valid_domain(domain)


@lru_cache(maxsize=4096)
def _valid_domain(domain: str) -> bool:
    return _DOMAIN.fullmatch(domain) is not None


def address_problem(person: Person) -> int | None:
    """Return the code for a bad address, a bad mobile number or both, or None."""
    email_fits = valid_email((person.email_address or "").strip())
    mobile_fits = not person.mobile_number or _MOBILE.fullmatch(person.mobile_number) is not None
    if email_fits:
        return None if mobile_fits else errors.INVALID_MOBILE
    return errors.INVALID_EMAIL if mobile_fits else errors.INVALID_MOBILE_AND_EMAIL


def consent_problem(text: str | None, missing: int) -> int | None:
    """Return the code for a missing or unknown ConsentToTrack, or None.

    Args:
        text: The consent as written.
        missing: Code for one that is missing; which one it is, is a switch.
    """
    if not text:
        return missing
    if text.lower() not in _CONSENT_BY_LOWER:
        return errors.CONSENT_INVALID
    return None


@lru_cache(maxsize=64)
def consent(text: str | None) -> str | None:
    """Return a consent in the documented spelling, or None for one that says nothing."""
    return _CONSENT_BY_LOWER.get((text or "").lower())
