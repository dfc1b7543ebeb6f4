"""Campaign Monitor: what becomes of custom field values in a write."""

from __future__ import annotations

from typing import Any

import pytest
from cm_api import Api, pair, person

ANNA = "anna@example.com"
COLOURS = ["Red", "Green", "Blue"]


@pytest.fixture
def many(cm: Api) -> Api:
    """A list with a field that takes several options."""
    assert cm.new_field("Colours", "MultiSelectMany", COLOURS).status_code == 201
    return cm


@pytest.mark.parametrize(
    "key", ["[LoyaltyPoints]", "LoyaltyPoints", "Loyalty Points", "loyaltypoints", "[Loyalty Points]"]
)
def test_a_key_is_understood_in_every_spelling(cm: Api, key: str) -> None:
    assert cm.stored(ANNA, pair(key, "7")) == {"[LoyaltyPoints]": "7"}


@pytest.mark.parametrize("key", ["[Town]", "", "[]", "Loyalty_Points", None])
def test_an_unknown_key_is_dropped_without_a_word(cm: Api, key: Any) -> None:
    response = cm.post_import(person(ANNA, CustomFields=[pair(key, "x"), pair("City", "Oslo")]))
    assert response.status_code == 201
    assert cm.read(ANNA)["CustomFields"] == [pair("[City]", "Oslo")]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2024/02/29", "2024-02-29"),
        ("2024-02-29", "2024-02-29"),
        ("2024/2/9", "2024-02-09"),
        ("2024-02-29 13:45:00", "2024-02-29"),
        ("2024-02-29T13:45:00Z", "2024-02-29"),
        ("1900/01/01", "1900-01-01"),
        ("2076/06/06", "2076-06-06"),
        ("1899/12/31", None),
        ("2076/06/07", None),
        ("2023/02/29", None),
        ("29/02/2024", None),
        ("yesterday", None),
    ],
)
def test_dates_outside_the_rules_are_ignored_silently(cm: Api, text: str, kept: str | None) -> None:
    assert cm.stored(ANNA, pair("Last Purchase", text)) == ({"[LastPurchase]": kept} if kept else {})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("12", "12"),
        ("-1.5", "-1.5"),
        (" 7 ", "7"),
        (".5", ".5"),
        ("1,5", None),
        ("twelve", None),
        ("1e3", None),
        ("NaN", None),
        ("\uff11\uff12", None),
    ],
)
def test_numbers_that_are_none_are_ignored_silently(cm: Api, text: str, kept: str | None) -> None:
    assert cm.stored(ANNA, pair("Loyalty Points", text)) == ({"[LoyaltyPoints]": kept} if kept else {})


def test_an_ignored_value_leaves_the_one_before(cm: Api) -> None:
    cm.stored(ANNA, pair("Loyalty Points", "12"), pair("Last Purchase", "2024/01/01"))
    after = cm.stored(ANNA, pair("Loyalty Points", "many"), pair("Last Purchase", "31/12/2024"))
    assert after == {"[LoyaltyPoints]": "12", "[LastPurchase]": "2024-01-01"}


@pytest.mark.parametrize(
    ("data_type", "options", "text", "kept"),
    [
        ("MultiSelectOne", COLOURS, "Green", "Green"),
        ("MultiSelectOne", COLOURS, "green", "Green"),
        ("MultiSelectOne", COLOURS, "2", None),
        ("Country", None, "Norway", "Norway"),
        ("Country", None, "Atlantis", None),
        ("USState", None, "Texas", "Texas"),
        ("USState", None, "TX", None),
    ],
)
def test_an_option_that_does_not_exist_is_ignored_silently(
    cm: Api, data_type: str, options: list[str] | None, text: str, kept: str | None
) -> None:
    cm.new_field("Choice", data_type, options)
    assert cm.stored(ANNA, pair("Choice", text)) == ({"[Choice]": kept} if kept else {})


class TestLongValues:
    LONG = "x" * 251

    def test_of_250_characters_are_kept(self, cm: Api) -> None:
        assert cm.stored(ANNA, pair("City", "ü" * 250)) == {"[City]": "ü" * 250}

    def test_are_cut(self, cm: Api) -> None:
        assert cm.stored(ANNA, pair("City", self.LONG)) == {"[City]": self.LONG[:250]}

    def test_or_ignored_by_switch(self, cm: Api) -> None:
        cm.switch(long_value="ignore")
        assert cm.stored(ANNA, pair("City", self.LONG)) == {}
        assert cm.stored(ANNA, pair("City", self.LONG[:250])) == {"[City]": self.LONG[:250]}


class TestClearing:
    @pytest.mark.parametrize("item", [{"Value": "", "Clear": True}, {"Clear": True}, {"Value": "Rome", "Clear": True}])
    def test_clear_erases(self, cm: Api, item: dict[str, Any]) -> None:
        cm.stored(ANNA, pair("City", "Oslo"), pair("Loyalty Points", "3"))
        assert cm.stored(ANNA, {"Key": "[City]", **item}) == {"[LoyaltyPoints]": "3"}

    def test_the_date_of_noughts_erases_a_date_and_nothing_else(self, cm: Api) -> None:
        cm.stored(ANNA, pair("Last Purchase", "2024/01/01"))
        assert cm.stored(ANNA, pair("Last Purchase", "0000-00-00")) == {}
        assert cm.stored(ANNA, pair("City", "0000-00-00")) == {"[City]": "0000-00-00"}

    @pytest.mark.parametrize(("switch", "after"), [("keep", {"[City]": "Oslo"}), ("clear", {})])
    def test_what_a_blank_does_is_a_switch(self, cm: Api, switch: str, after: dict[str, str]) -> None:
        cm.switch(blank_value=switch)
        cm.stored(ANNA, pair("City", "Oslo"))
        assert cm.stored(ANNA, pair("City", "")) == after


class TestSelectMany:
    def test_options_come_as_one_pair_each(self, many: Api) -> None:
        many.stored(ANNA, pair("Colours", "Blue"), pair("City", "Oslo"), pair("Colours", "red"))
        assert many.read(ANNA)["CustomFields"] == [
            pair("[City]", "Oslo"),
            pair("[Colours]", "Blue"),
            pair("[Colours]", "Red"),
        ]

    def test_a_write_replaces_the_whole_set(self, many: Api) -> None:
        many.stored(ANNA, pair("Colours", "Red"), pair("Colours", "Green"))
        assert many.stored(ANNA, pair("Colours", "Blue")) == {"[Colours]": ["Blue"]}

    def test_a_write_without_the_field_keeps_the_set(self, many: Api) -> None:
        many.stored(ANNA, pair("Colours", "Red"))
        assert many.stored(ANNA, pair("City", "Oslo")) == {"[City]": "Oslo", "[Colours]": ["Red"]}

    def test_options_that_do_not_exist_are_dropped_and_doubles_kept_once(self, many: Api) -> None:
        values = [pair("Colours", text) for text in ("1", "Red", "Pink", "RED")]
        assert many.stored(ANNA, *values) == {"[Colours]": ["Red"]}

    def test_only_unknown_options_change_nothing(self, many: Api) -> None:
        many.stored(ANNA, pair("Colours", "Red"))
        assert many.stored(ANNA, pair("Colours", "7")) == {"[Colours]": ["Red"]}

    def test_clear_with_a_value_takes_away_that_option(self, many: Api) -> None:
        many.stored(ANNA, pair("Colours", "Red"), pair("Colours", "Green"))
        assert many.stored(ANNA, pair("Colours", "Red", Clear=True)) == {"[Colours]": ["Green"]}
        assert many.stored(ANNA, pair("Colours", "Green", Clear=True)) == {}

    def test_clear_without_a_value_takes_away_all(self, many: Api) -> None:
        many.stored(ANNA, pair("Colours", "Red"), pair("Colours", "Green"))
        assert many.stored(ANNA, pair("Colours", "", Clear=True)) == {}


@pytest.mark.parametrize(
    ("brackets", "keys"), [(True, ["[City]", "[LoyaltyPoints]"]), (False, ["City", "Loyalty Points"])]
)
def test_how_keys_are_read_is_a_switch(cm: Api, keys: list[str], *, brackets: bool) -> None:
    cm.switch(read_key_brackets=brackets)
    cm.stored(ANNA, pair("City", "Oslo"), pair("Loyalty Points", "3"))
    assert [each["Key"] for each in cm.read(ANNA)["CustomFields"]] == keys


@pytest.mark.parametrize(("value", "text"), [(12, "12"), (1.5, "1.5"), (True, "true"), (False, "false")])
def test_values_that_are_no_text_are_refused_or_converted_by_switch(cm: Api, value: Any, text: str) -> None:
    row = person(ANNA, CustomFields=[pair("City", value)])
    assert cm.post_import(row).json()["Code"] == 400
    cm.switch(non_string_value="convert")
    assert cm.post_import(row).status_code == 201
    assert cm.read(ANNA)["CustomFields"] == [pair("[City]", text)]
