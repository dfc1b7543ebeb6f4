"""Constant Contact: activities that change memberships, and that delete."""

from __future__ import annotations

from typing import Any

import pytest
from cc_application import LIST, OTHER_LIST, UNKNOWN_ID, Application, invalid, problem

_ADD = "/activities/add_list_memberships"
_REMOVE = "/activities/remove_list_memberships"
_DELETE = "/activities/contact_delete"


@pytest.fixture
def three(cc: Application) -> Application:
    """The same application; a, b and c are on the list, d is on none."""
    cc.import_rows(*({"email": f"{name}@example.com"} for name in "abc"))
    cc.seed({"email": "d@example.com"})
    return cc


def contact_ids(cc: Application, names: str) -> list[str]:
    return [cc.contact(f"{name}@example.com")["contact_id"] for name in names]


def names(cc: Application, list_id: str = LIST) -> str:
    return "".join(email[0] for email in cc.emails(list_id))


def test_contacts_leave_a_list_and_stay_contacts(three: Application) -> None:
    body = {"source": {"contact_ids": contact_ids(three, "ab")}, "list_ids": [LIST]}
    status = three.finished(three.post(_REMOVE, body))["status"]
    assert status == {"items_total_count": 2, "items_completed_count": 2, "list_count": 1}
    assert names(three) == "c"
    assert three.contact("a@example.com")["email_address"]["permission_to_send"] == "implicit"


def test_who_is_not_on_the_list_or_does_not_exist_is_no_error(three: Application) -> None:
    body = {"source": {"contact_ids": [UNKNOWN_ID, *contact_ids(three, "da")]}, "list_ids": [LIST]}
    status = three.finished(three.post(_REMOVE, body))["status"]
    assert status == {"items_total_count": 3, "items_completed_count": 2, "list_count": 1}
    assert names(three) == "bc"


def test_contacts_leave_only_the_lists_that_are_named(three: Application) -> None:
    second = three.new_list("Second")
    three.import_rows({"email": "a@example.com"}, lists=(second,))
    three.finished(three.post(_REMOVE, {"source": {"contact_ids": contact_ids(three, "a")}, "list_ids": [LIST]}))
    assert (names(three), names(three, second)) == ("bc", "a")


def test_a_list_can_be_emptied_by_itself(three: Application) -> None:
    body = {"source": {"list_ids": [LIST]}, "list_ids": [LIST], "exclude": {"contact_ids": contact_ids(three, "b")}}
    assert three.finished(three.post(_REMOVE, body))["status"]["items_completed_count"] == 2
    assert names(three) == "b"


def test_contacts_join_lists(three: Application) -> None:
    second = three.new_list("Second")
    body = {"source": {"contact_ids": contact_ids(three, "ad")}, "list_ids": [LIST, second]}
    status = three.finished(three.post(_ADD, body))["status"]
    assert status == {"items_total_count": 2, "items_completed_count": 2, "list_count": 2}
    assert (names(three), names(three, second)) == ("abcd", "ad")


def test_a_whole_list_or_everybody_joins_another(three: Application) -> None:
    second, third = three.new_list("Second"), three.new_list("Third")
    three.seed({"email": "h@example.com", "permission": "temp_hold"})
    three.finished(three.post(_ADD, {"source": {"list_ids": [LIST]}, "list_ids": [second]}))
    three.finished(three.post(_ADD, {"source": {"all_active_contacts": True}, "list_ids": [third]}))
    assert (names(three, second), names(three, third)) == ("abc", "abcd")


def test_the_unsubscribed_stay_off_and_the_deleted_come_back(three: Application) -> None:
    unsubscribed, deleted = contact_ids(three, "ab")
    three.seed({"email": "a@example.com", "permission": "unsubscribed"}, {"email": "b@example.com", "deleted": True})
    assert names(three) == "c"
    body = {"source": {"contact_ids": [unsubscribed, deleted]}, "list_ids": [LIST]}
    assert three.finished(three.post(_ADD, body))["status"]["items_completed_count"] == 1
    assert names(three) == "bc"
    assert "deleted_at" not in three.contact("b@example.com")


@pytest.mark.parametrize(("level", "left"), [("unqualified", ""), ("high", "abc")])
def test_nobody_here_is_engaged_yet(three: Application, level: str, left: str) -> None:
    three.finished(three.post(_REMOVE, {"source": {"engagement_level": level}, "list_ids": [LIST]}))
    assert names(three) == left


@pytest.mark.parametrize("bumps", [True, False])
def test_a_membership_may_or_may_not_count_as_a_change(three: Application, bumps: bool) -> None:
    three.switch(membership_bumps_updated_at=bumps)
    before = three.contact("a@example.com")["updated_at"]
    three.sandbox.advance(60)
    three.finished(three.post(_REMOVE, {"source": {"contact_ids": contact_ids(three, "a")}, "list_ids": [LIST]}))
    assert (three.contact("a@example.com")["updated_at"] > before) == bumps


@pytest.mark.parametrize("path", [_ADD, _REMOVE])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"list_ids": [LIST]}, "source is missing"),
        ({"source": {}, "list_ids": [LIST]}, "exactly one"),
        ({"source": {"contact_ids": [UNKNOWN_ID], "list_ids": [LIST]}, "list_ids": [LIST]}, "exactly one"),
        ({"source": {"contact_ids": []}, "list_ids": [LIST]}, "source[contact_ids]"),
        ({"source": {"contact_ids": ["x"]}, "list_ids": [LIST]}, "source[contact_ids]"),
        ({"source": {"contact_ids": [UNKNOWN_ID] * 501}, "list_ids": [LIST]}, "source[contact_ids]"),
        ({"source": {"contact_ids": [UNKNOWN_ID]}}, "list_ids is missing"),
        ({"source": {"contact_ids": [UNKNOWN_ID]}, "list_ids": []}, "list_ids"),
        ({"source": {"contact_ids": [UNKNOWN_ID]}, "list_ids": [LIST] * 51}, "list_ids"),
        ({"source": {"list_ids": [LIST] * 51}, "list_ids": [LIST]}, "list_ids"),
        ({"source": {"all_active_contacts": False}, "list_ids": [LIST]}, "source[all_active_contacts]"),
        ({"source": {"engagement_level": "some"}, "list_ids": [LIST]}, "source[engagement_level]"),
        (
            {
                "source": {"contact_ids": [UNKNOWN_ID]},
                "list_ids": [LIST],
                "exclude": {"contact_ids": [UNKNOWN_ID]},
            },
            "exclude",
        ),
    ],
)
def test_what_is_wrong_is_named(cc: Application, path: str, body: dict[str, Any], message: str) -> None:
    assert message in invalid(cc.post(path, body))


@pytest.mark.parametrize(
    "body",
    [
        {"source": {"contact_ids": [UNKNOWN_ID]}, "list_ids": [UNKNOWN_ID]},
        {"source": {"contact_ids": [UNKNOWN_ID]}, "list_ids": [OTHER_LIST]},
        {"source": {"list_ids": [OTHER_LIST]}, "list_ids": [LIST]},
        {"source": {"tag_ids": [UNKNOWN_ID]}, "list_ids": [LIST]},
        {"source": {"segment_id": 7}, "list_ids": [LIST]},
    ],
)
def test_what_does_not_exist_gets_404(cc: Application, body: dict[str, Any]) -> None:
    assert problem(cc.post(_REMOVE, body))[:2] == (404, "contacts.api.not_found")


def test_500_contacts_and_50_lists_fit(cc: Application) -> None:
    body = {"source": {"contact_ids": [UNKNOWN_ID] * 500}, "list_ids": [LIST] * 50}
    assert cc.post(_REMOVE, body).status_code == 201


def test_the_guide_allows_a_hundred_source_lists(cc: Application) -> None:
    cc.switch(source_lists=100)
    assert cc.post(_REMOVE, {"source": {"list_ids": [LIST] * 100}, "list_ids": [LIST]}).status_code == 201


def test_another_accounts_contacts_cannot_be_touched(three: Application) -> None:
    three.sandbox.control("GET", "/health")
    body = {"source": {"contact_ids": contact_ids(three, "a")}, "list_ids": [OTHER_LIST]}
    assert three.post(_ADD, body).status_code == 404


# Deleting


def test_deleted_contacts_leave_every_list_and_can_be_read(three: Application) -> None:
    body = {"contact_ids": contact_ids(three, "ab")}
    status = three.finished(three.post(_DELETE, body))["status"]
    assert status == {"list_count": 0, "items_total_count": 2, "items_completed_count": 2}
    assert names(three) == "c"
    assert "deleted_at" in three.contact("a@example.com")


def test_the_members_of_lists_can_be_deleted(three: Application) -> None:
    status = three.finished(three.post(_DELETE, {"list_ids": [LIST]}))["status"]
    assert status == {"list_count": 1, "items_total_count": 3, "items_completed_count": 3}
    assert names(three) == ""


@pytest.mark.parametrize(
    "body",
    [{}, {"contact_ids": [UNKNOWN_ID], "list_ids": [LIST]}, {"contact_ids": [UNKNOWN_ID] * 501}, {"list_ids": []}],
)
def test_a_deletion_names_contacts_or_lists(cc: Application, body: dict[str, Any]) -> None:
    invalid(cc.post(_DELETE, body))


def test_lists_and_fields_are_deleted_in_bulk(three: Application) -> None:
    second = three.new_list("Second")
    three.finished(three.post("/activities/list_delete", {"list_ids": [LIST, second]}))
    assert three.get("/contact_lists").json()["lists"] == []
    fields = [item["custom_field_id"] for item in three.get("/contact_custom_fields").json()["custom_fields"]]
    three.finished(three.post("/activities/custom_fields_delete", {"custom_field_ids": fields}))
    assert three.get("/contact_custom_fields").json()["custom_fields"] == []
    assert three.post("/activities/list_delete", {"list_ids": [LIST]}).status_code == 404
    assert invalid(three.post("/activities/list_delete", {})) == "list_ids is missing"
    assert invalid(three.post("/activities/custom_fields_delete", {})) == "custom_field_ids is missing"
