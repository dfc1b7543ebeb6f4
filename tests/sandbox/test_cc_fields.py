"""Constant Contact: custom fields."""

from __future__ import annotations

from typing import Any

import pytest
from cc_application import LIST, OTHER, UNKNOWN_ID, Application, invalid, problem
from cix_sandbox.constant_contact.field_rules import Field, is_date, slug

_DROPDOWN = {"display_type": "dropdown"}


def choices(*labels: str) -> list[dict[str, Any]]:
    return [{"choice_label": label, "display_order": number} for number, label in enumerate(labels, start=1)]


def labels(answer: Any) -> list[str]:
    return [item["label"] for item in answer.json()["custom_fields"]]


def test_a_fresh_account_has_the_ready_fields(cc: Application) -> None:
    found = {item["label"]: item["type"] for item in cc.get("/contact_custom_fields").json()["custom_fields"]}
    assert found == {"City": "string", "Loyalty Points": "number", "Last Purchase": "date"}


def test_a_new_field_is_shown_without_what_it_does_not_have(cc: Application) -> None:
    body = cc.field("Favourite Shop")
    assert set(body) == {"custom_field_id", "label", "name", "type", "version", "updated_at", "created_at"}
    assert (body["name"], body["type"], body["version"]) == ("favourite_shop", "string", 1)
    assert cc.get(f"/contact_custom_fields/{body['custom_field_id']}").json() == body


def test_creating_can_answer_200(cc: Application) -> None:
    cc.switch(created_status="200")
    assert cc.post("/contact_custom_fields", {"label": "A", "type": "string"}).status_code == 200


@pytest.mark.parametrize(
    ("label", "name"), [("Plan", "plan"), ("Plan Tier", "plan_tier"), ("A  B", "a__b"), ("Größe (cm)", "größe_(cm)")]
)
def test_the_name_is_the_label_in_lower_case_with_underscores(label: str, name: str) -> None:
    assert slug(label) == name


def test_renaming_the_label_gives_a_new_name(cc: Application) -> None:
    field = cc.field("Plan Tier")
    changed = cc.put(f"/contact_custom_fields/{field['custom_field_id']}", {"label": "Plan Level"})
    assert (changed.status_code, changed.json()["name"]) == (200, "plan_level")
    assert changed.json()["custom_field_id"] == field["custom_field_id"]
    cc.import_rows({"email": "a@example.com", "cf:plan_level": "gold", "cf:plan_tier": "lead"})
    assert cc.members()[0]["fields"] == {"plan_level": "gold"}


def test_the_values_stay_when_a_field_is_renamed(cc: Application) -> None:
    field = cc.field("Plan Tier")
    cc.import_rows({"email": "a@example.com", "cf:plan_tier": "gold"})
    cc.put(f"/contact_custom_fields/{field['custom_field_id']}", {"label": "Plan Level"})
    assert cc.members()[0]["fields"] == {"plan_level": "gold"}


def test_a_label_is_unique_whatever_its_case(cc: Application) -> None:
    field = cc.field("Plan Tier")
    for label in ("Plan Tier", "plan tier"):
        answer = cc.post("/contact_custom_fields", {"label": label, "type": "string"})
        assert problem(answer)[:2] == (409, "contacts.api.conflict")
    assert cc.put(f"/contact_custom_fields/{field['custom_field_id']}", {"label": "City"}).status_code == 409
    assert cc.put(f"/contact_custom_fields/{field['custom_field_id']}", {"label": "PLAN TIER"}).status_code == 200
    other = Application(cc.sandbox, OTHER)
    assert other.field("Plan Tier")


def test_an_account_has_room_for_a_hundred_fields(cc: Application) -> None:
    cc.seed(custom_fields=[{"label": f"Field {number}"} for number in range(96)])
    cc.field("the last one")
    answer = cc.post("/contact_custom_fields", {"label": "one too many", "type": "string"})
    assert "at most 100 custom fields" in invalid(answer)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "label is missing, type is missing"),
        ({"label": "A"}, "type is missing"),
        ({"label": "A", "type": "text"}, "type does not have a valid value"),
        ({"label": "x" * 51, "type": "string"}, "label does not have a valid value"),
        ({"label": " ", "type": "string"}, "label does not have a valid value"),
        ({"label": "A", "type": "string", "metadata": 5}, "metadata does not have a valid value"),
        ({"label": "A", "type": "date", "version": 3}, "version does not have a valid value"),
        (
            {"label": "A", "type": "number", "metadata": {"integer": False, "decimal_places": 5}},
            "metadata[decimal_places] does not have a valid value",
        ),
        (
            {"label": "A", "type": "single_select", "choices": choices("x")},
            "metadata[display_type] does not have a valid value",
        ),
        ({"label": "A", "type": "single_select", "metadata": _DROPDOWN}, "choices is missing"),
        (
            {"label": "A", "type": "single_select", "metadata": _DROPDOWN, "choices": []},
            "choices does not have a valid value",
        ),
        (
            {"label": "A", "type": "single_select", "metadata": _DROPDOWN, "choices": choices("x" * 256)},
            "choices[choice_label] does not have a valid value",
        ),
        (
            {
                "label": "A",
                "type": "multi_select",
                "metadata": {"display_type": "checkbox"},
                "choices": choices(*map(str, range(21))),
            },
            "choices does not have a valid value",
        ),
    ],
)
def test_what_is_wrong_with_a_field_is_named(cc: Application, body: dict[str, Any], message: str) -> None:
    assert invalid(cc.post("/contact_custom_fields", body)) == message


def test_every_type_can_be_made(cc: Application) -> None:
    for kind in ("string", "text_area", "number", "currency", "boolean", "date", "datetime"):
        assert cc.field(f"A {kind}", type=kind)["type"] == kind
    for kind in ("single_select", "multi_select"):
        made = cc.field(f"A {kind}", type=kind, metadata=_DROPDOWN, choices=choices(*map(str, range(100))))
        assert len(made["choices"]) == 100


def test_choices_change_by_put_and_the_type_does_not(cc: Application) -> None:
    field = cc.field("Size", type="single_select", metadata=_DROPDOWN, choices=choices("S"))
    path = f"/contact_custom_fields/{field['custom_field_id']}"
    body = cc.put(path, {"choices": choices("S", "M"), "type": "string"}).json()
    assert [choice["choice_label"] for choice in body["choices"]] == ["S", "M"]
    assert (body["label"], body["type"]) == ("Size", "single_select")
    assert invalid(cc.put(path, {"choices": []})) == "choices does not have a valid value"
    assert invalid(cc.put(path, {"label": ""})) == "label does not have a valid value"


def test_deleting_a_field_takes_its_values_along(cc: Application) -> None:
    field = cc.field("Plan")
    cc.import_rows({"email": "a@example.com", "cf:plan": "gold"})
    path = f"/contact_custom_fields/{field['custom_field_id']}"
    assert cc.delete(path).status_code == 204
    assert problem(cc.delete(path))[:2] == (404, "contacts.api.not_found")
    assert cc.members()[0]["fields"] == {}
    cc.field("Plan")
    assert cc.members()[0]["fields"] == {}


def test_unknown_and_foreign_fields_do_not_exist(cc: Application) -> None:
    foreign = Application(cc.sandbox, OTHER).field("Foreign")["custom_field_id"]
    for field_id in (UNKNOWN_ID, foreign):
        assert cc.get(f"/contact_custom_fields/{field_id}").status_code == 404
        assert cc.put(f"/contact_custom_fields/{field_id}", {"label": "A"}).status_code == 404
    message = "custom_field_id is in an invalid format."
    assert problem(cc.get("/contact_custom_fields/nonsense")) == (404, "contacts.api.not_found", message)


def test_pages_hold_a_hundred_at_most(cc: Application) -> None:
    assert invalid(cc.get("/contact_custom_fields", limit=101)) == "limit does not have a valid value"
    first = cc.get("/contact_custom_fields", limit=2)
    assert labels(first) == ["Last Purchase", "Loyalty Points"]
    href = first.json()["_links"]["next"]["href"]
    assert href.startswith("/v3/contact_custom_fields?cursor=")
    last = cc.get(href.removeprefix("/v3"))
    assert labels(last) == ["City"]
    assert "_links" not in last.json()


def test_the_listing_can_lag_behind(cc: Application) -> None:
    cc.switch(field_lag_seconds=30)
    cc.field("Plan")
    assert "Plan" not in labels(cc.get("/contact_custom_fields"))
    cc.sandbox.advance(31)
    assert "Plan" in labels(cc.get("/contact_custom_fields"))


_PRICE = {"integer": False, "decimal_places": 2}


@pytest.mark.parametrize(
    ("kind", "metadata", "fitting", "unfitting"),
    [
        ("string", {}, ["anything"], []),
        ("text_area", {}, ["any\nthing"], []),
        ("number", {}, ["0", "12", "1.5"], ["-1", "twelve", "1,000", "1e3", "+5", ".5", "1."]),
        ("number", {"allow_negative": True}, ["-1", "-1.25"], ["--1"]),
        ("number", {"integer": True}, ["7"], ["7.5"]),
        ("currency", _PRICE, ["9.99", "10"], ["9.999", "$9.99", "-9.99"]),
        ("boolean", {}, ["true", "False"], ["yes", "1"]),
        ("date", {}, ["2026-01-31", "1/31/2026", "2026/1/31", "1-31-2026"], ["31.01.2026", "2026-02-30", "today"]),
        ("datetime", {}, ["2026-01-31T10:00:00Z", "2026-01-31"], ["10:00", "soon"]),
        ("single_select", {}, ["S", "M"], ["L", "S, M"]),
        ("multi_select", {}, ["S", "S, M", "M,S"], ["S, L", "L"]),
    ],
)
def test_a_type_takes_its_values_and_no_others(
    kind: str, metadata: dict[str, Any], fitting: list[str], unfitting: list[str]
) -> None:
    field = Field(1, "id", "A", "a", kind, metadata, ("S", "M"))
    assert [text for text in fitting if not field.takes(text)] == []
    assert [text for text in unfitting if field.takes(text)] == []


@pytest.mark.parametrize(
    "text",
    ["01/31/2026", "1/3/2026", "2026/01/31", "2026/1/3", "2026-01-31", "2026-1-3", "1-3-2026", "1-31-2026"],
)
def test_every_documented_date_form_is_a_date(text: str) -> None:
    assert is_date(text)


@pytest.mark.parametrize("text", ["", "2026-13-01", "2026-01/31", "20260131", "31/31/2026", "2026-01-31T00:00:00Z"])
def test_other_texts_are_no_dates(text: str) -> None:
    assert not is_date(text)


def test_a_multi_select_shows_as_several_values(cc: Application) -> None:
    cc.field("Sizes", type="multi_select", metadata=_DROPDOWN, choices=choices("S", "M", "L"))
    cc.import_rows({"email": "a@example.com", "cf:sizes": "S, L"}, lists=(LIST,))
    assert cc.members()[0]["fields"] == {"sizes": ["S", "L"]}
