"""Constant Contact: contact lists."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cc_application import LIST, OTHER, OTHER_LIST, UNKNOWN_ID, Application, invalid, problem

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_V1 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def names(answer: Any) -> list[str]:
    return [item["name"] for item in answer.json()["lists"]]


def test_a_new_list_is_shown_without_what_it_does_not_have(cc: Application) -> None:
    answer = cc.post("/contact_lists", {"name": "Readers"})
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {"list_id", "name", "favorite", "created_at", "updated_at"}
    assert (body["name"], body["favorite"]) == ("Readers", False)
    assert _V1.fullmatch(body["list_id"])
    assert _TIME.fullmatch(body["created_at"])
    assert cc.get(f"/contact_lists/{body['list_id']}").json() == body


def test_creating_can_answer_200(cc: Application) -> None:
    cc.switch(created_status="200")
    assert cc.post("/contact_lists", {"name": "Readers"}).status_code == 200


def test_a_name_is_unique_in_its_account(cc: Application) -> None:
    cc.new_list("Readers")
    assert problem(cc.post("/contact_lists", {"name": "Readers"}))[:2] == (409, "contacts.api.conflict")
    other = Application(cc.sandbox, OTHER)
    assert other.post("/contact_lists", {"name": "Readers"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "name is missing"),
        ({"name": ""}, "name does not have a valid value"),
        ({"name": 5}, "name does not have a valid value"),
        ({"name": "x" * 256}, "name does not have a valid value"),
        ({"name": "A", "description": "x" * 256}, "description does not have a valid value"),
        ({"name": "A", "favorite": "yes"}, "favorite does not have a valid value"),
        ({"description": 5}, "name is missing, description does not have a valid value"),
    ],
)
def test_what_is_wrong_with_a_list_is_named(cc: Application, body: dict[str, Any], message: str) -> None:
    assert invalid(cc.post("/contact_lists", body)) == message


def test_the_longest_name_and_description_fit(cc: Application) -> None:
    body = {"name": "n" * 255, "description": "d" * 255, "favorite": True}
    assert cc.post("/contact_lists", body).json().items() >= body.items()


def test_an_account_has_room_for_a_thousand_lists(cc: Application) -> None:
    cc.seed(lists=[{"name": f"List {number}"} for number in range(998)])
    cc.new_list("the last one")
    assert "at most 1000 lists" in invalid(cc.post("/contact_lists", {"name": "one too many"}))


def test_a_list_changes_by_put(cc: Application) -> None:
    list_id = cc.new_list("Readers")
    changed = cc.put(f"/contact_lists/{list_id}", {"name": "Writers", "description": "d", "favorite": True})
    assert changed.status_code == 200
    assert cc.get(f"/contact_lists/{list_id}").json()["name"] == "Writers"
    again = cc.put(f"/contact_lists/{list_id}", {"name": "Writers"})
    assert (again.status_code, again.json()["description"]) == (200, "d")
    assert cc.put(f"/contact_lists/{list_id}", {"name": "Newsletter"}).status_code == 409
    assert invalid(cc.put(f"/contact_lists/{list_id}", {})) == "name is missing"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_and_foreign_lists_do_not_exist(cc: Application, method: str) -> None:
    for list_id in (UNKNOWN_ID, OTHER_LIST):
        answer = cc.request(method, f"/contact_lists/{list_id}", json={"name": "A"})
        assert problem(answer)[:2] == (404, "contacts.api.not_found")
    answer = cc.request(method, "/contact_lists/nonsense", json={"name": "A"})
    assert problem(answer) == (404, "contacts.api.not_found", "list_id is in an invalid format.")


def test_deleting_a_list_is_an_activity_with_a_link_that_leads_nowhere(cc: Application) -> None:
    cc.import_rows({"email": "a@example.com"})
    answer = cc.delete(f"/contact_lists/{LIST}")
    body = answer.json()
    assert (answer.status_code, body["state"]) == (202, "initialized")
    assert re.fullmatch(
        rf"/contacts-service/v4/accounts/\d+/activities/{body['activity_id']}", body["_links"]["self"]["href"]
    )
    assert cc.finished(answer)["status"] == {"list_count": 1}
    assert cc.get(f"/contact_lists/{LIST}").status_code == 404
    assert cc.contact("a@example.com", include="list_memberships")["list_memberships"] == []


def test_a_deleted_list_shows_only_to_who_asks_for_it(cc: Application) -> None:
    list_id = cc.new_list("Gone")
    cc.finished(cc.delete(f"/contact_lists/{list_id}"))
    assert names(cc.get("/contact_lists")) == ["Newsletter"]
    assert names(cc.get("/contact_lists", status="deleted")) == ["Gone"]
    assert names(cc.get("/contact_lists", status="all")) == ["Gone", "Newsletter"]
    assert "deleted_at" in cc.get("/contact_lists", status="deleted").json()["lists"][0]
    assert cc.post("/contact_lists", {"name": "Gone"}).status_code == 201


def test_lists_are_counted_and_their_members_too(cc: Application) -> None:
    assert "membership_count" not in cc.get("/contact_lists").json()["lists"][0]
    cc.seed(
        {"email": "a@example.com", "lists": [LIST]},
        {"email": "b@example.com", "lists": [LIST], "permission": "temp_hold"},
    )
    for which, count in (("all", 2), ("active", 1)):
        body = cc.get("/contact_lists", include_membership_count=which, include_count="true").json()
        assert body["lists_count"] == 1
        assert body["lists"][0]["membership_count"] == count
        assert cc.get(f"/contact_lists/{LIST}", include_membership_count=which).json()["membership_count"] == count


def test_the_name_filter_matches_the_whole_name(cc: Application) -> None:
    cc.new_list("News")
    assert names(cc.get("/contact_lists", name="News")) == ["News"]
    assert names(cc.get("/contact_lists", name="New")) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"include_membership_count": "some"}, "include_membership_count does not have a valid value"),
        ({"status": "old"}, "status does not have a valid value"),
        ({"channel_type": "fax"}, "channel_type does not have a valid value"),
        ({"limit": "501"}, "limit does not have a valid value"),
        ({"limit": "0"}, "limit does not have a valid value"),
        ({"limit": "many"}, "limit does not have a valid value"),
        ({"cursor": "nonsense"}, "cursor does not have a valid value"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(cc: Application, query: dict[str, str], message: str) -> None:
    assert invalid(cc.get("/contact_lists", **query)) == message


def test_unknown_parameters_are_ignored(cc: Application) -> None:
    assert names(cc.get("/contact_lists", updated_after="2999-01-01T00:00:00Z")) == ["Newsletter"]


def test_the_largest_page_can_be_a_thousand(cc: Application) -> None:
    assert cc.get("/contact_lists", limit=500).status_code == 200
    cc.switch(list_page=1_000)
    assert cc.get("/contact_lists", limit=1_000).status_code == 200


def test_pages_go_from_the_newest_to_the_oldest(cc: Application) -> None:
    for number in range(5):
        cc.new_list(f"List {number}")
    seen = []
    path: str | None = "/contact_lists?limit=2&include_count=true"
    while path:
        body = cc.get(path).json()
        assert body["lists_count"] == 6
        seen.append([item["name"] for item in body["lists"]])
        href = body.get("_links", {}).get("next", {}).get("href")
        assert href is None or href.startswith("/v3/contact_lists?cursor=")
        path = href and href.removeprefix("/v3")
    assert seen == [["List 4", "List 3"], ["List 2", "List 1"], ["List 0", "Newsletter"]]


def test_a_list_deleted_between_two_pages_loses_no_other(cc: Application) -> None:
    ids = [cc.new_list(f"List {number}") for number in range(4)]
    href = cc.get("/contact_lists", limit=2).json()["_links"]["next"]["href"]
    cc.finished(cc.delete(f"/contact_lists/{ids[2]}"))
    assert names(cc.get(href.removeprefix("/v3"))) == ["List 1", "List 0"]
