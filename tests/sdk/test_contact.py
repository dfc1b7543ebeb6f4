"""What counts as an address, and by what people are told apart."""

from __future__ import annotations

import string

import pytest
from audience_sdk.contact import MAX_EMAIL_LENGTH, InvalidEmailError, Outcome, normalise_email
from audience_sdk.errors import EMAIL_INVALID, EMAIL_MISSING
from email_validator import EmailNotValidError, validate_email
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

_ATOM = string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-"
_LABEL = st.text(string.ascii_letters + string.digits, min_size=1, max_size=12)
_DOMAINS = st.builds(
    lambda labels, top: ".".join([*labels, top]),
    st.lists(_LABEL, min_size=1, max_size=3),
    st.sampled_from(["com", "org", "net"]),
)
_PLAIN = st.builds("{}@{}".format, st.text(_ATOM, min_size=1, max_size=70), _DOMAINS)
_ODD_LOCALS = st.text(_ATOM + '.@" ()<>,;:\\[]éßİÅ漢\u200b\t\x00', max_size=12)
_ODD_DOMAINS = st.text(string.ascii_letters + "0-. _@[]éüÅ漢.\u200b:", max_size=12)
_ODD = st.builds("{}@{}".format, _ODD_LOCALS, st.one_of(_DOMAINS, _ODD_DOMAINS))
_ADDRESSES = st.one_of(_PLAIN, _ODD, st.text(max_size=20))


def accepted(address: str) -> bool:
    try:
        normalise_email(address)
    except InvalidEmailError:
        return False
    return True


def accepted_by_library(address: str) -> bool:
    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return True


@settings(max_examples=400, deadline=None)
@given(_ADDRESSES)
@example("ann@example.com")
@example("a.@example.com")
@example(".a@example.com")
@example("a..b@example.com")
@example('"a b"@example.com')
@example("Ann <ann@example.com>")
@example("ann@exämple.org")
@example("änn@example.org")
@example("ann@localhost")
@example("ann@[127.0.0.1]")
@example("a" * 64 + "@example.com")
@example("a" * 65 + "@example.com")
@example("a" * 64 + "@" + "ä" * 40 + "." + "ö" * 40 + "." + "ü" * 40 + ".org")
@example("a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".org")
@example("ann@example.com\nbcc: bob@example.com")
def test_an_address_is_accepted_just_where_the_library_accepts_it(address: str) -> None:
    trimmed = address.strip()

    assert accepted(address) == (bool(trimmed) and accepted_by_library(trimmed))


@settings(max_examples=200, deadline=None)
@given(_ADDRESSES)
def test_normalising_twice_changes_nothing(address: str) -> None:
    assume(accepted(address))
    email, key = normalise_email(address)

    assert normalise_email(email) == (email, key)
    assert normalise_email(key) == (key, key)


@settings(max_examples=200, deadline=None)
@given(_PLAIN, st.data())
def test_the_key_does_not_depend_on_case(address: str, data: st.DataObject) -> None:
    assume(accepted(address))
    upper = data.draw(st.lists(st.booleans(), min_size=len(address), max_size=len(address)))
    other = "".join(char.upper() if up else char.lower() for char, up in zip(address, upper, strict=True))

    assert normalise_email(other)[1] == normalise_email(address)[1] == address.lower()


def test_composed_and_decomposed_letters_have_one_key() -> None:
    assert normalise_email("ann@ex\u00e4mple.org")[1] == normalise_email("ann@exa\u0308mple.org")[1]


@given(st.text(" \t\r\n", max_size=4), st.text(" \t\r\n", max_size=4))
@settings(max_examples=30, deadline=None)
def test_blanks_around_an_address_do_not_count(before: str, after: str) -> None:
    assert normalise_email(f"{before}Ann@Example.com{after}") == ("Ann@Example.com", "ann@example.com")


@pytest.mark.parametrize("value", ["", " ", "\t\n"])
def test_no_address_is_missing_and_not_invalid(value: str) -> None:
    with pytest.raises(InvalidEmailError) as caught:
        normalise_email(value)

    assert caught.value.problem.outcome is Outcome.INVALID
    assert caught.value.problem.code is EMAIL_MISSING


@pytest.mark.parametrize("value", ["ann", "ann@", "@example.com", "ann@@example.com", "ann@example"])
def test_a_wrong_address_is_invalid_and_not_quoted(value: str) -> None:
    with pytest.raises(InvalidEmailError) as caught:
        normalise_email(value)

    assert caught.value.problem.outcome is Outcome.INVALID
    assert caught.value.problem.code is EMAIL_INVALID
    assert value not in caught.value.problem.reason


def test_the_longest_address_is_accepted_and_no_longer_one() -> None:
    domain = ".".join(["b" * 61, "c" * 61, "d" * 61, "org"])
    longest = "a" * (MAX_EMAIL_LENGTH - len(domain) - 1) + "@" + domain

    assert accepted(longest)
    assert not accepted("a" + longest)
