"""Constant Contact: what a connection test learns about the account."""

from __future__ import annotations

from cc_application import OTHER, Application, invalid


def test_the_summary_names_the_organisation(cc: Application) -> None:
    summary = cc.get("/account/summary").json()
    assert summary["organization_name"] == "Sandbox Retail"
    assert summary["country_code"] == summary["country_code"].lower()
    assert set(summary) == {
        "contact_email",
        "contact_phone",
        "country_code",
        "encoded_account_id",
        "first_name",
        "last_name",
        "organization_name",
        "time_zone_id",
    }


def test_the_summary_shows_more_to_who_asks_for_it(cc: Application) -> None:
    summary = cc.get("/account/summary", extra_fields="physical_address,company_logo").json()
    assert summary["physical_address"]["country_code"] == "us"
    assert "url" in summary["company_logo"]
    assert "extra_fields" in invalid(cc.get("/account/summary", extra_fields="everything"))


def test_privileges_are_listed_by_name(cc: Application) -> None:
    names = {item["privilege_name"] for item in cc.get("/account/user/privileges").json()}
    assert names >= {"contacts:read", "contacts:write", "contacts:lists:read", "contacts:lists:write", "account:read"}


def test_another_account_has_another_identity(cc: Application) -> None:
    other = Application(cc.sandbox, OTHER)
    assert other.get("/account/summary").json()["organization_name"] == "Another Retail"
    ids = {caller.get("/account/summary").json()["encoded_account_id"] for caller in (cc, other)}
    assert len(ids) == 2
