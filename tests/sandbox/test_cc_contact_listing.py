"""Constant Contact: finding contacts."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

import pytest
import requests
from cc_application import LIST, OTHER, OTHER_LIST, UNKNOWN_ID, Application, invalid, problem


def found(cc: Application, **query: Any) -> str:
    """Return the first letters of the addresses found, sorted."""
    contacts = cc.get("/contacts", **query).json()["contacts"]
    return "".join(sorted(contact["email_address"]["address"][0] for contact in contacts))


@pytest.fixture
def mixed(cc: Application) -> Application:
    """The same application, with one contact of each kind; its letter says which."""
    cc.seed(
        {"email": "implicit@example.com", "lists": [LIST]},
        {"email": "explicit@example.com", "permission": "explicit", "lists": [LIST]},
        {"email": "unsubscribed@example.com", "permission": "unsubscribed"},
        {"email": "hold@example.com", "permission": "temp_hold"},
        {"email": "pending@example.com", "permission": "pending_confirmation"},
        {"email": "not_set@example.com", "permission": "not_set"},
        {"email": "deleted@example.com", "deleted": True},
    )
    return cc


@pytest.mark.parametrize(
    ("status", "letters"),
    [
        (None, "ehinpu"),
        ("all", "dehinpu"),
        ("active", "ei"),
        ("deleted", "d"),
        ("unsubscribed", "u"),
        ("temp_hold", "h"),
        ("pending_confirmation", "p"),
        ("not_set", "n"),
        ("active,deleted", "dei"),
        (" unsubscribed , temp_hold ", "hu"),
    ],
)
def test_contacts_are_found_by_status(mixed: Application, status: str | None, letters: str) -> None:
    assert found(mixed, **({} if status is None else {"status": status})) == letters


def test_contacts_are_found_by_email_whatever_its_case(mixed: Application) -> None:
    assert found(mixed, email="IMPLICIT@example.com") == "i"
    assert found(mixed, email="implicit@example") == ""
    assert found(mixed, email="deleted@example.com") == ""
    assert found(mixed, email="deleted@example.com", status="all") == "d"


def test_contacts_are_found_by_list(mixed: Application) -> None:
    second = mixed.new_list("Second")
    mixed.import_rows({"email": "hold@example.com"}, {"email": "implicit@example.com"}, lists=(second,))
    assert found(mixed, lists=LIST) == "ei"
    assert found(mixed, lists=second) == "hi"
    assert found(mixed, lists=f"{LIST},{second}") == "ehi"
    assert found(mixed, lists=f"{LIST},{second}", status="active") == "ei"
    assert found(mixed, lists=second, email="hold@example.com") == "h"


@pytest.mark.parametrize("lists", [UNKNOWN_ID, OTHER_LIST, "nonsense", "", ",".join([LIST] * 26)])
def test_a_list_filter_that_cannot_be_is_refused(cc: Application, lists: str) -> None:
    assert invalid(cc.get("/contacts", lists=lists)) == "lists does not have a valid value"


def test_a_misspelt_filter_returns_everybody(mixed: Application) -> None:
    assert found(mixed, list=LIST) == "ehinpu"


def test_contacts_are_found_by_time(cc: Application) -> None:
    cc.seed({"email": "a@example.com"})
    cc.sandbox.advance(1_000)
    middle = cc.sandbox.control("GET", "/clock")["now"][:19] + "Z"
    cc.sandbox.advance(1_000)
    cc.seed({"email": "b@example.com", "permission": "unsubscribed"}, {"email": "c@example.com"})
    cc.seed({"email": "a@example.com", "first_name": "Ann"})
    assert found(cc, created_after=middle) == "bc"
    assert found(cc, created_before=middle) == "a"
    assert found(cc, updated_after=middle) == "abc"
    assert found(cc, updated_before=middle) == ""
    assert found(cc, optout_after=middle) == "b"
    assert found(cc, optout_before=middle) == ""
    assert found(cc, created_after=middle, status="unsubscribed") == "b"
    assert found(cc, created_after=middle.replace("Z", "+00:00")) == "bc"


def test_nobody_has_tags_and_there_are_no_segments(mixed: Application) -> None:
    assert found(mixed, tags=UNKNOWN_ID) == ""
    assert problem(mixed.get("/contacts", segment_id="7", limit="50"))[0] == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "gone"),
        ("status", ""),
        ("include", "dreams"),
        ("limit", "501"),
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "x"),
        ("updated_after", "yesterday"),
        ("created_before", "2026-13-01T00:00:00Z"),
        ("tags", "nonsense"),
        ("sms_status", "maybe"),
        ("cursor", "nonsense"),
        ("cursor", base64.b64encode(b"limit=5").decode()),
        ("cursor", base64.b64encode(f"limit=5&next={UNKNOWN_ID}".encode()).decode()),
    ],
)
def test_a_parameter_that_cannot_be_is_named(cc: Application, name: str, value: str) -> None:
    assert invalid(cc.get("/contacts", **{name: value})) == f"{name} does not have a valid value"


def test_a_page_has_50_contacts_unless_it_is_told_otherwise_and_500_at_most(cc: Application) -> None:
    cc.import_rows(*({"email": f"p{number}@example.com"} for number in range(600)))
    assert len(cc.get("/contacts").json()["contacts"]) == 50
    assert len(cc.get("/contacts", limit=500).json()["contacts"]) == 500


def test_pages_go_from_the_newest_to_the_oldest_and_miss_nobody(cc: Application) -> None:
    cc.import_rows(*({"email": f"p{number}@example.com"} for number in range(7)))
    pages = all_pages(cc, "/contacts?limit=3&include_count=true")
    assert [[c["email_address"]["address"] for c in page["contacts"]] for page in pages] == [
        ["p6@example.com", "p5@example.com", "p4@example.com"],
        ["p3@example.com", "p2@example.com", "p1@example.com"],
        ["p0@example.com"],
    ]
    assert [page["contacts_count"] for page in pages] == [7, 7, 7]
    assert "_links" not in pages[-1]


def all_pages(cc: Application, path: str) -> list[dict[str, Any]]:
    pages = []
    while path:
        page = cc.get(path).json()
        pages.append(page)
        path = page.get("_links", {}).get("next", {}).get("href", "").removeprefix("/v3")
    return pages


def test_a_link_works_from_the_root_of_the_host_as_it_stands(cc: Application) -> None:
    cc.import_rows(*({"email": f"p{number}@example.com"} for number in range(3)))
    href = cc.get("/contacts", limit=2).json()["_links"]["next"]["href"]
    headers = {"Authorization": f"Bearer {cc.token}"}
    answer = requests.get(urljoin(f"{cc.base}/v3/contacts", href), headers=headers, timeout=10)
    assert len(answer.json()["contacts"]) == 1
    # It is the same request for the log and for faults.
    assert cc.sandbox.requests("constant_contact")[-1]["path"] == "/constantcontact/v3/contacts"
    assert requests.get(f"{cc.sandbox.url}/v3/contacts", timeout=10).status_code == 401


def test_a_full_last_page_has_no_link(cc: Application) -> None:
    cc.import_rows(*({"email": f"p{number}@example.com"} for number in range(4)))
    assert len(all_pages(cc, "/contacts?limit=2")) == 2


def test_the_cursor_is_base64_of_the_limit_and_the_last_contact(cc: Application) -> None:
    cc.import_rows(*({"email": f"p{number}@example.com"} for number in range(4)))
    page = cc.get("/contacts", limit=3).json()
    link = page["_links"]["next"]["href"]
    assert link.startswith("/v3/contacts?cursor=")
    cursor = unquote(urlsplit(link).query.removeprefix("cursor="))
    assert base64.b64decode(cursor).decode() == f"limit=3&next={page['contacts'][-1]['contact_id']}"


def test_the_cursor_carries_filters_and_what_is_included(mixed: Application) -> None:
    mixed.import_rows(*({"email": f"p{number}@example.com", "cf:city": "Rome"} for number in range(5)))
    path = f"/contacts?limit=3&lists={LIST}&status=active&include=custom_fields,list_memberships"
    pages = all_pages(mixed, path)
    contacts = [contact for page in pages for contact in page["contacts"]]
    assert len(contacts) == 7
    assert all(contact["list_memberships"] == [LIST] for contact in contacts)
    assert sum(len(contact["custom_fields"]) for contact in contacts) == 5
    cursor = parse_qs(urlsplit(pages[0]["_links"]["next"]["href"]).query)["cursor"][0]
    # Clients that send the filters once more get the same page.
    again = mixed.get("/contacts", limit=3, lists=LIST, status="active", cursor=cursor).json()
    assert [c["contact_id"] for c in again["contacts"]] == [c["contact_id"] for c in pages[1]["contacts"]]


def test_people_who_come_or_go_between_two_pages_hide_nobody(cc: Application) -> None:
    cc.import_rows(*({"email": f"p{number}@example.com"} for number in range(6)))
    first = cc.get("/contacts", limit=2, lists=LIST).json()
    cc.import_rows({"email": "new@example.com"})
    cc.delete(f"/contacts/{first['contacts'][-1]['contact_id']}")
    rest = all_pages(cc, first["_links"]["next"]["href"].removeprefix("/v3"))
    addresses = [c["email_address"]["address"] for page in rest for c in page["contacts"]]
    assert addresses == [f"p{number}@example.com" for number in (3, 2, 1, 0)]


def test_several_lists_page_as_one(cc: Application) -> None:
    second = cc.new_list("Second")
    cc.import_rows(*({"email": f"p{number}@example.com"} for number in range(3)))
    cc.import_rows(*({"email": f"p{number}@example.com"} for number in range(2, 5)), lists=(second,))
    pages = all_pages(cc, f"/contacts?limit=2&lists={LIST},{second}")
    assert [len(page["contacts"]) for page in pages] == [2, 2, 1]


def test_each_account_finds_its_own(mixed: Application) -> None:
    assert found(Application(mixed.sandbox, OTHER)) == ""


def test_contacts_are_counted_by_permission(mixed: Application) -> None:
    assert mixed.get("/contacts/counts").json() == {
        "total": 6,
        "explicit": 1,
        "implicit": 1,
        "pending": 1,
        "unsubscribed": 1,
    }
