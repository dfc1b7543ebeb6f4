"""Constant Contact: exports of contacts."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from cc_application import LIST, OTHER, UNKNOWN_ID, Application, invalid


def export(cc: Application, **body: Any) -> list[dict[str, str]]:
    """Export and return the rows of the file."""
    activity = cc.finished(cc.post("/activities/contact_exports", body))
    href = activity["_links"]["results"]["href"]
    assert href.startswith("/v3/contact_exports/")
    answer = cc.get(href.removeprefix("/v3"))
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert activity["status"] == {"items_total_count": len(rows), "items_completed_count": len(rows)}
    return rows


@pytest.fixture
def some(cc: Application) -> Application:
    """The same application; a and b are on the list, u has unsubscribed, d is deleted."""
    cc.import_rows({"email": "a@example.com", "first_name": "Ann", "cf:city": "Rome"}, {"email": "b@example.com"})
    cc.seed(
        {"email": "u@example.com", "permission": "unsubscribed"},
        {"email": "d@example.com", "deleted": True},
    )
    return cc


def letters(rows: list[dict[str, str]]) -> str:
    return "".join(row["Email address"][0] for row in rows)


def test_everybody_is_exported_with_lists_and_fields_and_without_ids(some: Application) -> None:
    rows = export(some)
    assert letters(rows) == "abu"
    assert rows[0].items() >= {"First name": "Ann", "Email Lists": "Newsletter", "City": "Rome"}.items()
    assert not any("id" in heading.lower().split() for heading in rows[0])


@pytest.mark.parametrize(("status", "who"), [("active", "ab"), ("unsubscribed", "u"), ("removed", "d")])
def test_an_export_can_be_narrowed_by_status(some: Application, status: str, who: str) -> None:
    assert letters(export(some, status=status)) == who


def test_an_export_can_be_narrowed_by_contacts_or_lists(some: Application) -> None:
    contact_id = some.contact("b@example.com")["contact_id"]
    assert letters(export(some, contact_ids=[contact_id])) == "b"
    assert letters(export(some, list_ids=[LIST])) == "ab"
    assert letters(export(some, list_ids=[LIST], exclude={"contact_ids": [contact_id]})) == "a"


def test_an_export_can_be_narrowed_to_columns(some: Application) -> None:
    rows = export(some, fields=["email_address", "first_name"])
    assert list(rows[0]) == ["Email address", "First name"]


@pytest.mark.parametrize(
    "body",
    [
        {"contact_ids": [UNKNOWN_ID], "list_ids": [LIST]},
        {"status": "gone"},
        {"fields": ["dreams"]},
        {"fields": "email_address"},
        {"fields": ["email_optin_date"]},
        {"contact_ids": []},
        {"list_ids": [LIST], "exclude": {"contact_ids": [UNKNOWN_ID] * 51}},
    ],
)
def test_what_cannot_be_exported_is_refused(cc: Application, body: dict[str, Any]) -> None:
    invalid(cc.post("/activities/contact_exports", body))


def test_unknown_and_foreign_exports_do_not_exist(some: Application) -> None:
    activity = some.finished(some.post("/activities/contact_exports", {}))
    path = activity["_links"]["results"]["href"].removeprefix("/v3")
    assert Application(some.sandbox, OTHER).get(path).status_code == 404
    assert some.get("/contact_exports/nonsense").status_code == 404
