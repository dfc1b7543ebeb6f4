"""Bounds are checked before the first custom field is made, and fields of choices do not grow without bound."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.contact import StagedRow
from audience_sdk.destination import CustomField, Limits, PlatformList
from audience_sdk.errors import CixError
from audience_sdk.fields import FieldKind, WantedField
from audience_sdk.prepare import MAX_NEW_OPTIONS, design_fields, missing_fields, new_options

if TYPE_CHECKING:
    from collections.abc import Iterable

CITY = CustomField("City", "[City]", "text")
SIZE = CustomField("Size", "[Size]", "choice", ("Small", "Large"))
LIST = PlatformList("L1", "Newsletter", (CITY, SIZE))


@dataclass
class Platform:
    """A platform that can make any field, up to a bound."""

    most: int | None = None

    @property
    def limits(self) -> Limits:
        return Limits(10, 10_000, 80, 1, 1, 1, custom_fields=self.most)

    def fold_field(self, name: str) -> str:
        return name.strip("[]").casefold()

    def design_field(self, wanted: WantedField) -> CustomField:
        return CustomField(wanted.name, f"[{wanted.name}]", wanted.kind.value, wanted.options)

    def values_of(self, payload: bytes) -> Iterable[tuple[str, str]]:
        return [(key, value) for key, value in json.loads(payload)]


def rows(*values: Any) -> list[StagedRow]:
    return [StagedRow(f"{n}@example.com", "", "c", (0,), json.dumps(each).encode()) for n, each in enumerate(values)]


def test_a_field_is_missing_if_no_spelling_of_it_is_there() -> None:
    platform: Any = Platform()
    assert missing_fields(platform, LIST, ["CITY", "[size]", "Colour"]) == ["Colour"]


@pytest.mark.parametrize(("most", "refused"), [(3, True), (4, False), (None, False)])
def test_more_fields_than_the_platform_takes_are_refused_before_the_first(most: int | None, refused: bool) -> None:
    platform: Any = Platform(most)
    wanted = [WantedField("A"), WantedField("B", FieldKind.NUMBER)]
    if refused:
        with pytest.raises(
            CixError, match="2 custom fields would be created, the platform has 2 and takes 3"
        ) as caught:
            design_fields(platform, LIST, wanted)
        assert caught.value.code.code == "CIX-512"
    else:
        assert design_fields(platform, LIST, wanted) == [
            CustomField("A", "[A]", "text"),
            CustomField("B", "[B]", "number"),
        ]


def test_only_what_a_field_of_choices_lacks_is_new_each_once() -> None:
    platform: Any = Platform()
    given = rows([["[Size]", "small"], ["[City]", "Ribe"]], [["[Size]", "Huge"]], [["[Size]", "HUGE"], ["[Size]", ""]])
    assert dict(new_options(platform, LIST, given)) == {SIZE: ["Huge"]}


def test_very_many_new_options_are_refused() -> None:
    platform: Any = Platform()
    fitting = rows(*([["[Size]", str(n)]] for n in range(MAX_NEW_OPTIONS)))
    assert len(new_options(platform, LIST, fitting)[SIZE]) == MAX_NEW_OPTIONS
    with pytest.raises(CixError, match="`Size`") as caught:
        new_options(platform, LIST, [*fitting, *rows([["[Size]", "one more"]])])
    assert caught.value.code.code == "CIX-513"
