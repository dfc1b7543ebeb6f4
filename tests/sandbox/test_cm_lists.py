"""Campaign Monitor: lists and their statistics."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from cix_sandbox.campaign_monitor.stats import periods
from cm_api import CLIENT, LIST, Api, person, problem

ANNA, BEN = "anna@example.com", "ben@example.org"
DAY = 24 * 3600


def test_the_ready_list_is_told(cm: Api) -> None:
    assert cm.get(f"/lists/{LIST}.json").json() == {
        "ConfirmedOptIn": False,
        "Title": "Newsletter",
        "UnsubscribePage": "",
        "ListID": LIST,
        "ConfirmationSuccessPage": "",
        "UnsubscribeSetting": "AllClientLists",
    }
    assert cm.get(f"/clients/{CLIENT}/lists.json").json() == [{"ListID": LIST, "Name": "Newsletter"}]


def test_a_list_is_made_for_the_client_in_the_path(cm: Api) -> None:
    settings = {
        "Title": " Customers ",
        "UnsubscribePage": "https://example.com/bye",
        "UnsubscribeSetting": "OnlyThisList",
        "ConfirmedOptIn": True,
        "ConfirmationSuccessPage": "https://example.com/hi",
    }
    response = cm.post(f"/lists/{CLIENT}.json", settings)
    assert response.status_code == 201
    list_id = response.json()
    assert len(list_id) == 32
    assert cm.get(f"/lists/{list_id}.json").json() == {**settings, "Title": "Customers", "ListID": list_id}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"Title": "newsletter"}, 250),
        ({"Title": ""}, 251),
        ({"Title": " "}, 251),
        ({}, 251),
        ({"Title": None}, 251),
        ({"Title": "New", "UnsubscribeSetting": "Everywhere"}, 261),
        ({"Title": 7}, 400),
        ({"Title": "New", "ConfirmedOptIn": "perhaps"}, 400),
    ],
)
def test_a_list_that_cannot_be_made_or_changed_says_why(cm: Api, settings: dict[str, Any], code: int) -> None:
    second = cm.new_list("Second")
    assert problem(cm.post(f"/lists/{CLIENT}.json", settings)) == (400, code)
    assert problem(cm.put(f"/lists/{second}.json", settings)) == (400, code)
    assert len(cm.get(f"/clients/{CLIENT}/lists.json").json()) == 2


@pytest.mark.parametrize("setting", ["", None])
def test_without_a_setting_unsubscribes_are_shared(cm: Api, setting: str | None) -> None:
    list_id = cm.new_list("New", UnsubscribeSetting=setting)
    assert cm.get(f"/lists/{list_id}.json").json()["UnsubscribeSetting"] == "AllClientLists"


def test_a_list_can_be_changed_and_keep_its_title(cm: Api) -> None:
    response = cm.put(f"/lists/{LIST}.json", {"Title": "Newsletter", "ConfirmedOptIn": True})
    assert (response.status_code, response.content) == (200, b"")
    assert cm.get(f"/lists/{LIST}.json").json()["ConfirmedOptIn"] is True


def test_a_change_can_put_the_unsubscribed_onto_the_suppression_list(cm: Api) -> None:
    cm.seed({"email": ANNA, "state": "Unsubscribed"}, {"email": BEN})
    cm.put(f"/lists/{LIST}.json", {"Title": "N", "AddUnsubscribesToSuppList": True})
    assert cm.suppressed() == [ANNA]


def test_a_change_can_unsubscribe_the_suppressed(cm: Api) -> None:
    cm.seed({"email": ANNA}, {"email": BEN}, suppressed=[{"email": ANNA}])
    cm.put(f"/lists/{LIST}.json", {"Title": "N", "ScrubActiveWithSuppList": "true"})
    assert cm.states() == {ANNA: "Unsubscribed", BEN: "Active"}


def test_both_mean_nothing_to_a_list_of_its_own(cm: Api) -> None:
    cm.seed({"email": ANNA, "state": "Unsubscribed"}, {"email": BEN}, suppressed=[{"email": BEN}])
    flags = {"AddUnsubscribesToSuppList": True, "ScrubActiveWithSuppList": True}
    cm.put(f"/lists/{LIST}.json", {"Title": "N", "UnsubscribeSetting": "OnlyThisList", **flags})
    assert cm.states() == {ANNA: "Unsubscribed", BEN: "Active"}
    assert cm.suppressed() == [BEN]


def test_a_deleted_list_is_gone_with_its_people(cm: Api) -> None:
    second = cm.new_list("Second")
    cm.post_import(person(ANNA), list_id=second)
    response = cm.delete(f"/lists/{second}.json")
    assert (response.status_code, response.content) == (200, b"")
    assert problem(cm.get(f"/lists/{second}.json")) == (401, 101)
    assert problem(cm.post_import(person(ANNA), list_id=second)) == (401, 101)
    assert cm.get(f"/clients/{CLIENT}/listsforemail.json", email=ANNA).json() == []


def test_a_list_that_a_draft_uses_is_252(cm: Api) -> None:
    cm.seed(lists=[{"list_id": LIST, "title": "Newsletter", "in_draft_campaign": True}])
    assert problem(cm.delete(f"/lists/{LIST}.json")) == (400, 252)


def test_there_are_no_segments_and_tags(cm: Api) -> None:
    for path in (f"/lists/{LIST}/segments.json", f"/clients/{CLIENT}/segments.json", f"/clients/{CLIENT}/tags.json"):
        assert cm.get(path).json() == []


class TestStats:
    NAMES = ("Today", "Yesterday", "ThisWeek", "ThisMonth", "ThisYear")

    @pytest.fixture(autouse=True)
    def noon(self, cm: Api) -> None:
        """Midnight is twelve hours away."""
        now = datetime.fromisoformat(cm.sandbox.control("GET", "/clock")["now"])
        cm.sandbox.advance(DAY - (now.hour * 3600 + now.minute * 60 + now.second) + DAY / 2)

    def test_have_24_numbers(self, cm: Api) -> None:
        stats = cm.get(f"/lists/{LIST}/stats.json").json()
        assert len(stats) == 24
        assert set(stats.values()) == {0}
        for prefix in ("NewActiveSubscribers", "Unsubscribes", "Deleted", "Bounces"):
            assert {f"{prefix}{name}" for name in self.NAMES} < set(stats)

    def test_count_each_state(self, cm: Api) -> None:
        states = ["Active"] * 4 + ["Unsubscribed"] * 3 + ["Deleted"] * 2 + ["Bounced", "Unconfirmed"]
        cm.seed(*[{"email": f"p{number}@example.com", "state": state} for number, state in enumerate(states)])
        stats = cm.get(f"/lists/{LIST}/stats.json").json()
        totals = ("TotalActiveSubscribers", "TotalUnsubscribes", "TotalDeleted", "TotalBounces")
        assert [stats[name] for name in totals] == [4, 3, 2, 1]
        assert stats["NewActiveSubscribersToday"] == 4
        assert stats["DeletedThisYear"] == 2

    def test_move_with_the_calendar(self, cm: Api) -> None:
        cm.seed({"email": ANNA})
        cm.sandbox.advance(DAY)
        stats = cm.get(f"/lists/{LIST}/stats.json").json()
        assert (stats["NewActiveSubscribersToday"], stats["NewActiveSubscribersYesterday"]) == (0, 1)
        cm.sandbox.advance(400 * DAY)
        stats = cm.get(f"/lists/{LIST}/stats.json").json()
        assert stats["TotalActiveSubscribers"] == 1
        assert {stats[f"NewActiveSubscribers{name}"] for name in self.NAMES} == {0}

    @pytest.mark.parametrize(
        ("now", "week"),
        [("2024-03-02", "2024-02-25"), ("2024-03-03", "2024-03-03"), ("2024-03-04", "2024-03-03")],
    )
    def test_begin_the_week_on_sunday(self, now: str, week: str) -> None:
        moment = datetime.fromisoformat(f"{now}T13:45:10").replace(tzinfo=timezone.utc)
        spans = periods(moment)
        assert spans["ThisWeek"][0].date().isoformat() == week
        assert spans["ThisMonth"][0].date().isoformat() == "2024-03-01"
        assert spans["ThisYear"][0].date().isoformat() == "2024-01-01"
        assert spans["Today"][0] == spans["Yesterday"][1]
