"""Campaign Monitor: the bulk import, its answers and its counts."""

from __future__ import annotations

from typing import Any

import pytest
from cm_api import LIST, OTHER_LIST, Api, pair, person, problem

ANNA, BEN, CARA = "anna@example.com", "ben@example.org", "cara@example.net"


def test_an_import_without_failures_is_201_with_the_counts(cm: Api) -> None:
    response = cm.post_import(person(ANNA), person(BEN))
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.json() == {
        "FailureDetails": [],
        "TotalUniqueEmailsSubmitted": 2,
        "TotalExistingSubscribers": 0,
        "TotalNewSubscribers": 2,
        "DuplicateEmailsInSubmission": [],
    }
    assert cm.states() == {ANNA: "Active", BEN: "Active"}


def test_an_import_is_stored_when_it_answers(cm: Api) -> None:
    cm.switch(add_delay_seconds=60)
    cm.post_import(person(ANNA))
    assert cm.read(ANNA)["State"] == "Active"


def test_a_replay_counts_everyone_as_existing_and_changes_nothing(cm: Api) -> None:
    cm.post_import(person(ANNA), person(BEN))
    before = cm.members()
    response = cm.post_import(person(ANNA), person(BEN))
    assert response.status_code == 201
    assert response.json()["TotalExistingSubscribers"] == 2
    assert response.json()["TotalNewSubscribers"] == 0
    assert cm.members() == before


def test_a_bad_row_makes_it_400_with_210_and_the_good_rows_are_stored(cm: Api) -> None:
    cm.post_import(person(BEN))
    response = cm.post_import(person("anna@example"), person(BEN), person(CARA))
    assert problem(response) == (400, 210)
    body = response.json()
    assert body["Message"] == "Subscriber Import had some failures"
    result = body["ResultData"]
    assert result["FailureDetails"] == [{"EmailAddress": "anna@example", "Code": 1, "Message": "Invalid Email Address"}]
    assert result["TotalUniqueEmailsSubmitted"] == 3
    assert result["TotalExistingSubscribers"] == 1
    assert result["TotalNewSubscribers"] == 1
    assert cm.states() == {BEN: "Active", CARA: "Active"}


def test_an_import_of_bad_rows_only_is_210_too(cm: Api) -> None:
    response = cm.post_import(person("a"), person("b"))
    assert problem(response) == (400, 210)
    assert response.json()["ResultData"]["TotalUniqueEmailsSubmitted"] == 2
    assert cm.members() == []


def test_unique_is_existing_and_new_and_failed(cm: Api) -> None:
    cm.seed({"email": ANNA}, {"email": BEN, "state": "Unsubscribed"})
    result = cm.result(person(ANNA), person(BEN), person(CARA), person(CARA), person("bad"), person(""))
    counts = [result[name] for name in ("TotalExistingSubscribers", "TotalNewSubscribers")]
    assert counts == [1, 1]
    assert result["TotalUniqueEmailsSubmitted"] == 5
    assert sum(counts) + len(result["FailureDetails"]) == 5


def test_failures_come_in_the_order_of_the_rows(cm: Api) -> None:
    cm.seed({"email": BEN, "state": "Deleted"})
    assert list(cm.failures(person("x"), person(BEN), person("y")).items()) == [("x", 1), (BEN, 205), ("y", 1)]


@pytest.mark.parametrize(
    ("switch", "text"), [("docs", "Invalid Email Address"), ("live", "Please provide a valid email address.")]
)
def test_the_wording_of_a_bad_address_is_a_switch(cm: Api, switch: str, text: str) -> None:
    cm.switch(invalid_email_message=switch)
    assert cm.result(person("x"))["FailureDetails"][0]["Message"] == text


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"EmailAddress": "example+1@example"}, 1),
        ({"EmailAddress": ""}, 1),
        ({"EmailAddress": None}, 1),
        ({"EmailAddress": "no at"}, 1),
        ({"EmailAddress": "two@@example.com"}, 1),
        ({"EmailAddress": "a b@example.com"}, 1),
        ({"EmailAddress": "@example.com"}, 1),
        ({"EmailAddress": "a@example..com"}, 1),
        ({"EmailAddress": f"{'a' * 243}@example.com"}, 1),
        ({"MobileNumber": "0412 345 678"}, 220),
        ({"MobileNumber": "+0412345678"}, 220),
        ({"MobileNumber": "bad", "EmailAddress": "bad"}, 221),
    ],
)
def test_a_row_with_a_bad_address_or_mobile_fails_with_its_code(cm: Api, row: dict[str, Any], code: int) -> None:
    (detail,) = cm.result({**person(ANNA), **row})["FailureDetails"]
    assert detail["Code"] == code
    assert detail["EmailAddress"] == ({**person(ANNA), **row}["EmailAddress"] or "")
    assert cm.members() == []


@pytest.mark.parametrize(
    "email", ["a+tag@example.com", "Mixed.Case@Example.COM", f"{'a' * 242}@example.com", "ünï@exämple.com", "o'x@a.b.c"]
)
def test_unusual_addresses_are_accepted_and_kept_as_written(cm: Api, email: str) -> None:
    assert cm.post_import(person(email)).status_code == 201
    assert cm.read(email)["EmailAddress"] == email


def test_a_row_without_any_address_key_fails_alone(cm: Api) -> None:
    assert cm.failures({"ConsentToTrack": "Yes"}, person(ANNA)) == {"": 1}
    assert cm.states() == {ANNA: "Active"}


def test_each_row_without_an_address_is_its_own_failure(cm: Api) -> None:
    result = cm.result(person(""), person(" "))
    assert len(result["FailureDetails"]) == 2
    assert result["DuplicateEmailsInSubmission"] == []


def test_a_thousand_rows_are_taken_and_one_more_is_209(cm: Api) -> None:
    rows = [person(f"p{number}@example.com") for number in range(1001)]
    assert problem(cm.post_import(*rows)) == (400, 209)
    assert cm.members() == []
    assert cm.post_import(*rows[:1000]).status_code == 201
    assert len(cm.members()) == 1000


@pytest.mark.parametrize("body", [{"Subscribers": []}, {}, {"Subscribers": None}, {"Resubscribe": False}])
def test_an_empty_batch_is_212(cm: Api, body: dict[str, Any]) -> None:
    assert problem(cm.post(f"/subscribers/{LIST}/import.json", body)) == (400, 212)


class TestDuplicates:
    ROWS = (person(ANNA, Name="First"), person(BEN), person(ANNA.upper(), Name="Second"))

    def test_are_reported_and_not_failed(self, cm: Api) -> None:
        response = cm.post_import(*self.ROWS)
        assert response.status_code == 201
        assert response.json()["DuplicateEmailsInSubmission"] == [ANNA.upper()]
        assert response.json()["TotalUniqueEmailsSubmitted"] == 2
        assert response.json()["TotalNewSubscribers"] == 2
        assert len(cm.members()) == 2

    @pytest.mark.parametrize(("winner", "name"), [("last", "Second"), ("first", "First")])
    def test_which_one_counts_is_a_switch(self, cm: Api, winner: str, name: str) -> None:
        cm.switch(duplicate_winner=winner)
        cm.post_import(*self.ROWS)
        assert cm.read(ANNA)["Name"] == name

    def test_are_told_once_however_often_they_come(self, cm: Api) -> None:
        result = cm.result(*[person(BEN)] * 5)
        assert result["DuplicateEmailsInSubmission"] == [BEN]
        assert result["TotalUniqueEmailsSubmitted"] == 1


class TestConsent:
    @pytest.mark.parametrize("consent", [None, ""])
    @pytest.mark.parametrize(("switch", "message"), [("214", ""), ("-213", "Please provide a consent to track value.")])
    def test_missing_on_one_row_fails_the_whole_request(
        self, cm: Api, consent: str | None, switch: str, message: str
    ) -> None:
        cm.switch(missing_consent_code=switch)
        response = cm.post_import(person(ANNA), person(BEN, ConsentToTrack=consent))
        assert problem(response) == (400, int(switch))
        assert message in response.json()["Message"]
        assert "ResultData" not in response.json()
        assert cm.members() == []

    def test_unknown_words_are_215(self, cm: Api) -> None:
        assert problem(cm.post_import(person(ANNA, ConsentToTrack="Maybe"))) == (400, 215)

    def test_the_first_bad_row_gives_the_code(self, cm: Api) -> None:
        rows = person(ANNA), person(BEN, ConsentToTrack="Maybe"), person(CARA, ConsentToTrack="")
        assert problem(cm.post_import(*rows)) == (400, 215)

    def test_per_row_only_the_bad_rows_fail(self, cm: Api) -> None:
        cm.switch(consent_check="per_row")
        rows = person(ANNA), person(BEN, ConsentToTrack=""), person(CARA, ConsentToTrack="Maybe")
        assert cm.failures(*rows) == {BEN: 214, CARA: 215}
        assert cm.states() == {ANNA: "Active"}

    @pytest.mark.parametrize("consent", ["Yes", "yes", "NO", "unchanged"])
    def test_the_case_does_not_matter(self, cm: Api, consent: str) -> None:
        assert cm.post_import(person(ANNA, ConsentToTrack=consent)).status_code == 201

    @pytest.mark.parametrize(
        ("said", "kept"),
        [(["Yes"], "Yes"), (["No"], "No"), (["Unchanged"], "Yes"), (["No", "Unchanged"], "No"), (["No", "Yes"], "Yes")],
    )
    def test_what_was_said_last_is_kept(self, cm: Api, said: list[str], kept: str) -> None:
        for consent in said:
            cm.post_import(person(ANNA, ConsentToTrack=consent))
        assert cm.read(ANNA, includetrackingpreference="True")["ConsentToTrack"] == kept

    def test_holds_for_all_lists_of_the_client(self, cm: Api) -> None:
        second = cm.new_list("Second")
        cm.post_import(person(ANNA))
        cm.post_import(person(ANNA, ConsentToTrack="No"), list_id=second)
        assert cm.read(ANNA, includetrackingpreference="true")["ConsentToTrack"] == "No"

    def test_is_empty_when_nobody_ever_said_anything(self, cm: Api) -> None:
        cm.seed({"email": ANNA, "consent_to_track": ""})
        assert cm.read(ANNA, includetrackingpreference="true")["ConsentToTrack"] == ""
        assert "ConsentToTrack" not in cm.read(ANNA)


class TestUpsert:
    def test_finds_people_in_any_case_and_keeps_the_first_spelling(self, cm: Api) -> None:
        cm.post_import(person("Anna@Example.com"))
        assert cm.result(person("ANNA@example.COM", Name="New"))["TotalExistingSubscribers"] == 1
        assert [member["email"] for member in cm.members()] == ["Anna@Example.com"]
        assert cm.read(ANNA)["Name"] == "New"

    def test_keeps_what_the_row_does_not_name(self, cm: Api) -> None:
        cm.post_import(person(ANNA, MobileNumber="+61412345678", CustomFields=[pair("City", "Oslo")]))
        cm.post_import({"EmailAddress": ANNA, "ConsentToTrack": "Yes"})
        kept = cm.read(ANNA)
        assert kept["Name"] == "Anna Example"
        assert kept["MobileNumber"] == "+61412345678"
        assert kept["CustomFields"] == [pair("[City]", "Oslo")]

    def test_takes_null_for_absent(self, cm: Api) -> None:
        cm.post_import(person(ANNA, CustomFields=[pair("City", "Oslo")]))
        cm.post_import(person(ANNA, Name=None, MobileNumber=None, CustomFields=None))
        assert cm.read(ANNA)["Name"] == "Anna Example"
        assert cm.read(ANNA)["CustomFields"] == [pair("[City]", "Oslo")]

    def test_an_empty_mobile_number_clears_it_with_its_consent(self, cm: Api) -> None:
        cm.post_import(person(ANNA, MobileNumber="+61412345678", ConsentToSendSms="Yes"))
        assert cm.read(ANNA)["ConsentToSendSms"] == "Yes"
        cm.post_import(person(ANNA, MobileNumber=""))
        assert not {"MobileNumber", "ConsentToSendSms"} & set(cm.read(ANNA))
        cm.post_import(person(ANNA, MobileNumber="+61412345678"))
        assert cm.read(ANNA)["ConsentToSendSms"] == ""

    def test_consent_to_text_messages_needs_a_mobile_number(self, cm: Api) -> None:
        cm.post_import(person(ANNA, ConsentToSendSms="Yes"))
        assert "ConsentToSendSms" not in cm.read(ANNA)

    @pytest.mark.parametrize(("then", "kept"), [("Unchanged", "Yes"), (None, "Yes"), ("No", "No")])
    def test_consent_to_text_messages_can_be_left_unchanged(self, cm: Api, then: str | None, kept: str) -> None:
        cm.post_import(person(ANNA, MobileNumber="+61412345678", ConsentToSendSms="Yes"))
        cm.post_import(person(ANNA, ConsentToSendSms=then))
        assert cm.read(ANNA)["ConsentToSendSms"] == kept

    def test_the_dates_tell_the_first_joining_and_the_last_change_of_state(self, cm: Api) -> None:
        cm.post_import(person(ANNA))
        joined = cm.read(ANNA)["ListJoinedDate"]
        cm.sandbox.advance(3600)
        cm.post_import(person(ANNA, Name="New"))
        assert cm.read(ANNA)["Date"] == joined
        cm.remove(ANNA)
        assert cm.read(ANNA)["ListJoinedDate"] == joined
        assert cm.read(ANNA)["Date"] > joined

    def test_lists_are_apart(self, cm: Api) -> None:
        second = cm.new_list("Second")
        cm.post_import(person(ANNA))
        cm.post_import(person(ANNA, Name="Other"), person(BEN), list_id=second)
        assert cm.states() == {ANNA: "Active"}
        assert cm.read(ANNA)["Name"] == "Anna Example"
        assert cm.members(OTHER_LIST) == []


def test_flags_about_autoresponders_are_taken_in_either_spelling(cm: Api) -> None:
    for name in ("QueueSubscriptionBasedAutoResponders", "QueueSubscriptionBasedAutoresponders"):
        flags: dict[str, Any] = {name: False, "RestartSubscriptionBasedAutoresponders": False}
        assert cm.post_import(person(ANNA), **flags).status_code == 201
