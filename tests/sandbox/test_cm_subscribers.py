"""Campaign Monitor: adding, updating, reading and removing one subscriber."""

from __future__ import annotations

from typing import Any

import pytest
from cm_api import LIST, Api, pair, person, problem

ANNA, BEN = "anna@example.com", "ben@example.org"
PEOPLE = f"/subscribers/{LIST}.json"


class TestAdding:
    def test_answers_201_with_the_address(self, cm: Api) -> None:
        response = cm.add(person("Anna@Example.com", CustomFields=[pair("City", "Oslo")]))
        assert (response.status_code, response.json()) == (201, "Anna@Example.com")
        assert cm.read(ANNA)["CustomFields"] == [pair("[City]", "Oslo")]

    def test_again_updates(self, cm: Api) -> None:
        cm.add(person(ANNA))
        assert cm.add(person(ANNA, Name="New")).status_code == 201
        assert cm.read(ANNA)["Name"] == "New"

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"EmailAddress": "x"}, 1),
            ({"EmailAddress": None}, 1),
            ({"ConsentToTrack": None}, 214),
            ({"ConsentToTrack": "x"}, 215),
            ({"MobileNumber": "x"}, 220),
            ({"MobileNumber": "x", "EmailAddress": "x"}, 221),
        ],
    )
    def test_says_what_is_wrong(self, cm: Api, change: dict[str, Any], code: int) -> None:
        assert problem(cm.add({**person(ANNA), **change})) == (400, code)
        assert cm.members() == []

    def test_uses_the_switched_code_for_a_missing_consent(self, cm: Api) -> None:
        cm.switch(missing_consent_code="-213")
        assert problem(cm.add(person(ANNA, ConsentToTrack=""))) == (400, -213)

    def test_with_a_delay_is_not_visible_at_once(self, cm: Api) -> None:
        cm.switch(add_delay_seconds=5)
        assert cm.add(person(ANNA)).status_code == 201
        assert problem(cm.get(PEOPLE, email=ANNA)) == (400, 203)
        assert cm.members() == []
        cm.sandbox.advance(6)
        assert cm.read(ANNA)["State"] == "Active"

    def test_that_is_due_shows_in_the_control_api_too(self, cm: Api) -> None:
        cm.switch(add_delay_seconds=5)
        cm.add(person(ANNA))
        cm.sandbox.advance(6)
        assert cm.states() == {ANNA: "Active"}

    def test_that_waits_does_not_bring_back_who_left_meanwhile(self, cm: Api) -> None:
        cm.switch(add_delay_seconds=5)
        cm.add(person(ANNA))
        cm.seed({"email": ANNA, "state": "Unsubscribed"})
        cm.sandbox.advance(6)
        assert cm.states() == {ANNA: "Unsubscribed"}

    def test_that_waits_for_a_list_that_is_deleted_vanishes(self, cm: Api) -> None:
        second = cm.new_list("Second")
        cm.switch(add_delay_seconds=5)
        cm.add(person(ANNA), second)
        cm.delete(f"/lists/{second}.json")
        cm.sandbox.advance(6)
        assert cm.get("/systemdate.json").status_code == 200


class TestUpdating:
    @pytest.fixture(autouse=True)
    def anna(self, cm: Api) -> None:
        cm.post_import(person(ANNA, CustomFields=[pair("City", "Oslo")]))

    def test_answers_200_with_nothing(self, cm: Api) -> None:
        response = cm.put(PEOPLE, person(ANNA, Name="New"), email=ANNA)
        assert (response.status_code, response.content) == (200, b"")
        assert cm.read(ANNA)["Name"] == "New"
        assert cm.read(ANNA)["CustomFields"] == [pair("[City]", "Oslo")]

    def test_moves_someone_to_a_new_address(self, cm: Api) -> None:
        joined = cm.read(ANNA)["ListJoinedDate"]
        cm.put(PEOPLE, person("Anne@example.com"), email=ANNA.upper())
        assert cm.states() == {"Anne@example.com": "Active"}
        assert cm.read("anne@example.com")["ListJoinedDate"] == joined
        assert cm.read("anne@example.com")["CustomFields"] == [pair("[City]", "Oslo")]
        assert problem(cm.get(PEOPLE, email=ANNA)) == (400, 203)
        assert cm.result(person(ANNA), person("anne@example.com"))["TotalNewSubscribers"] == 1

    def test_without_an_address_in_the_body_keeps_it(self, cm: Api) -> None:
        assert cm.put(PEOPLE, {"Name": "New", "ConsentToTrack": "Yes"}, email=ANNA).status_code == 200
        assert cm.read(ANNA)["Name"] == "New"

    def test_can_change_the_spelling(self, cm: Api) -> None:
        cm.put(PEOPLE, person("ANNA@example.com"), email=ANNA)
        assert list(cm.states()) == ["ANNA@example.com"]

    def test_never_adds_anyone(self, cm: Api) -> None:
        assert problem(cm.put(PEOPLE, person(BEN), email=BEN)) == (400, 203)
        assert list(cm.states()) == [ANNA]

    @pytest.mark.parametrize(
        ("email", "change", "code"),
        [
            (ANNA, {"EmailAddress": BEN}, 201),
            (ANNA, {"EmailAddress": "x"}, 211),
            ("x", {}, 1),
            ("", {}, 1),
            (ANNA, {"ConsentToTrack": None}, 214),
            (ANNA, {"MobileNumber": "x"}, 220),
        ],
    )
    def test_says_what_is_wrong(self, cm: Api, email: str, change: dict[str, Any], code: int) -> None:
        cm.post_import(person(BEN))
        before = cm.members()
        assert problem(cm.put(PEOPLE, {**person(ANNA), "Name": "New", **change}, email=email)) == (400, code)
        assert cm.members() == before

    @pytest.mark.parametrize("state", ["Unsubscribed", "Deleted", "Bounced", "Unconfirmed"])
    @pytest.mark.parametrize("resubscribe", [True, False])
    def test_reaches_the_inactive_and_revives_only_when_told(self, cm: Api, state: str, *, resubscribe: bool) -> None:
        cm.seed({"email": ANNA, "state": state})
        cm.put(PEOPLE, person(ANNA, Name="New", Resubscribe=resubscribe), email=ANNA)
        assert cm.read(ANNA)["Name"] == "New"
        assert cm.read(ANNA)["State"] == ("Active" if resubscribe else state)


class TestReading:
    def test_tells_everything(self, cm: Api) -> None:
        cm.post_import(person(ANNA, MobileNumber="+61412345678", CustomFields=[pair("City", "Oslo")]))
        item = cm.read(ANNA)
        date = item["Date"]
        assert item == {
            "EmailAddress": ANNA,
            "Name": "Anna Example",
            "Date": date,
            "ListJoinedDate": date,
            "State": "Active",
            "CustomFields": [pair("[City]", "Oslo")],
            "ReadsEmailWith": "",
            "MobileNumber": "+61412345678",
            "ConsentToSendSms": "",
        }

    @pytest.mark.parametrize("state", ["Active", "Unconfirmed", "Unsubscribed", "Bounced", "Deleted"])
    def test_works_in_any_state(self, cm: Api, state: str) -> None:
        cm.seed({"email": ANNA, "state": state})
        assert cm.read(ANNA)["State"] == state

    @pytest.mark.parametrize("flag", ["true", "True", "TRUE"])
    @pytest.mark.parametrize("name", ["includetrackingpreference", "includeTrackingPreference"])
    def test_tells_the_consent_when_asked(self, cm: Api, name: str, flag: str) -> None:
        cm.post_import(person(ANNA))
        assert cm.read(ANNA, **{name: flag})["ConsentToTrack"] == "Yes"

    def test_of_someone_unknown_is_203(self, cm: Api) -> None:
        response = cm.get(PEOPLE, email=ANNA)
        assert problem(response) == (400, 203)
        assert response.json()["Message"] == "Subscriber not in list or has already been removed."

    @pytest.mark.parametrize("query", [{}, {"email": "x"}])
    def test_needs_an_address(self, cm: Api, query: dict[str, str]) -> None:
        assert problem(cm.get(PEOPLE, **query)) == (400, 1)

    def test_a_plus_has_to_be_encoded(self, cm: Api) -> None:
        cm.post_import(person("a+b@example.com"))
        assert cm.request("GET", f"{PEOPLE}?email=a%2Bb@example.com").status_code == 200
        assert cm.request("GET", f"{PEOPLE}?email=a+b@example.com").status_code == 400

    def test_the_history_is_empty_as_nothing_is_sent(self, cm: Api) -> None:
        cm.post_import(person(ANNA))
        path = f"/subscribers/{LIST}/history.json"
        assert cm.get(path, email=ANNA).json() == []
        assert problem(cm.get(path, email=BEN)) == (400, 203)


class TestDeleting:
    def test_marks_the_active_as_deleted_and_suppresses_nobody(self, cm: Api) -> None:
        cm.post_import(person(ANNA), person(BEN))
        response = cm.remove(ANNA.upper())
        assert (response.status_code, response.content) == (200, b"")
        assert cm.states() == {ANNA: "Deleted", BEN: "Active"}
        assert cm.suppressed() == []

    def test_of_someone_unknown_is_203(self, cm: Api) -> None:
        assert problem(cm.remove(ANNA)) == (400, 203)
        assert problem(cm.remove("x")) == (400, 1)

    @pytest.mark.parametrize("state", ["Deleted", "Unsubscribed", "Bounced", "Unconfirmed"])
    @pytest.mark.parametrize("switch", ["203", "200"])
    def test_of_the_inactive_changes_nothing_and_answers_as_switched(self, cm: Api, state: str, switch: str) -> None:
        cm.switch(delete_inactive=switch)
        cm.seed({"email": ANNA, "state": state})
        response = cm.remove(ANNA)
        if switch == "203":
            assert problem(response) == (400, 203)
        else:
            assert (response.status_code, response.content) == (200, b"")
        assert cm.states() == {ANNA: state}

    @pytest.mark.parametrize("state", ["Deleted", "Unsubscribed", "Bounced", "Unconfirmed"])
    def test_of_the_inactive_marks_them_too_if_so_switched(self, cm: Api, state: str) -> None:
        cm.switch(delete_inactive="deleted")
        cm.seed({"email": ANNA, "state": state})
        assert (cm.remove(ANNA).status_code, cm.states()) == (200, {ANNA: "Deleted"})

    def test_touches_one_list_only(self, cm: Api) -> None:
        second = cm.new_list("Second")
        cm.post_import(person(ANNA))
        cm.post_import(person(ANNA), list_id=second)
        cm.remove(ANNA)
        assert cm.states(second) == {ANNA: "Active"}

    def test_works_with_a_body_too(self, cm: Api) -> None:
        cm.post_import(person(ANNA))
        assert cm.request("DELETE", PEOPLE, params={"email": ANNA}, json={"EmailAddress": ANNA}).status_code == 200


class TestUnsubscribing:
    PATH = f"/subscribers/{LIST}/unsubscribe.json"

    def test_reaches_every_list_that_shares_and_the_suppression_list(self, cm: Api) -> None:
        shared, alone = cm.new_list("Shared"), cm.new_list("Alone", UnsubscribeSetting="OnlyThisList")
        for list_id in (LIST, shared, alone):
            cm.post_import(person(ANNA), person(BEN), list_id=list_id)
        cm.remove(BEN, shared)
        response = cm.post(self.PATH, {"EmailAddress": ANNA.upper()})
        assert (response.status_code, response.content) == (200, b"")
        assert cm.states() == {ANNA: "Unsubscribed", BEN: "Active"}
        assert cm.states(shared) == {ANNA: "Unsubscribed", BEN: "Deleted"}
        assert cm.states(alone) == {ANNA: "Active", BEN: "Active"}
        assert cm.suppressed() == [ANNA]

    def test_from_a_list_of_its_own_stays_there(self, cm: Api) -> None:
        alone = cm.new_list("Alone", UnsubscribeSetting="OnlyThisList")
        for list_id in (LIST, alone):
            cm.post_import(person(ANNA), list_id=list_id)
        cm.post(f"/subscribers/{alone}/unsubscribe.json", {"EmailAddress": ANNA})
        assert cm.states(alone) == {ANNA: "Unsubscribed"}
        assert cm.states() == {ANNA: "Active"}
        assert cm.suppressed() == []

    @pytest.mark.parametrize("state", ["Deleted", "Unsubscribed", "Bounced", "Unconfirmed", None])
    def test_who_is_not_active_is_203(self, cm: Api, state: str | None) -> None:
        if state:
            cm.seed({"email": ANNA, "state": state})
        assert problem(cm.post(self.PATH, {"EmailAddress": ANNA})) == (400, 203)
        assert cm.suppressed() == []

    @pytest.mark.parametrize(("body", "code"), [({}, 1), ({"EmailAddress": "x"}, 1), ([], 400)])
    def test_needs_an_address(self, cm: Api, body: Any, code: int) -> None:
        assert problem(cm.post(self.PATH, body)) == (400, code)
