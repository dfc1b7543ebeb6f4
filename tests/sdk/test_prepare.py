"""Custom fields are created all or none as far as we can tell, and fields of choices do not grow without bound."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.contact import StagedRow
from audience_sdk.destination import CustomField, Limits, PlatformList
from audience_sdk.errors import CixError
from audience_sdk.fields import FieldKind, WantedField
from audience_sdk.prepare import MAX_NEW_OPTIONS, create_fields, missing_fields, new_options

if TYPE_CHECKING:
    from collections.abc import Iterable

CITY = CustomField("City", "[City]", "text")
SIZE = CustomField("Size", "[Size]", "choice", ("Small", "Large"))
LIST = PlatformList("L1", "Newsletter", (CITY, SIZE))


@dataclass
class Platform:
    """A platform that makes every field it is asked for, up to a bound."""

    most: int | None = None
    created: list[CustomField] = field(default_factory=list)

    @property
    def limits(self) -> Limits:
        return Limits(10, 10_000, 80, 1, 1, 1, custom_fields=self.most)

    def fold_field(self, name: str) -> str:
        return name.strip("[]").casefold()

    def design_field(self, wanted: WantedField) -> CustomField:
        return CustomField(wanted.name, f"[{wanted.name}]", wanted.kind.value, wanted.options)

    def create_field(self, list_id: str, design: CustomField) -> CustomField:
        assert list_id == "L1"
        self.created.append(design)
        return CustomField(design.name, "[given]", design.kind)

    def values_of(self, payload: bytes) -> Iterable[tuple[str, str]]:
        return [(key, value) for key, value in json.loads(payload)]


def rows(*values: Any) -> list[StagedRow]:
    return [StagedRow(f"{n}@example.com", "", "c", "S", json.dumps(each).encode()) for n, each in enumerate(values)]


def test_a_field_is_missing_if_no_spelling_of_it_is_there() -> None:
    platform: Any = Platform()
    assert missing_fields(platform, LIST, ["CITY", "[size]", "Colour"]) == ["Colour"]


def test_a_created_field_has_the_key_that_the_platform_gave_it() -> None:
    platform: Any = Platform()
    made, lines = create_fields(platform, LIST, [WantedField("Points", FieldKind.NUMBER)], dry_run=False)
    assert made.custom_fields[2:] == (CustomField("Points", "[given]", "number"),)
    assert lines == ["custom field `Points` (number)"]


def test_a_dry_run_designs_and_creates_nothing() -> None:
    platform: Any = Platform()
    made, lines = create_fields(platform, LIST, [WantedField("Points")], dry_run=True)
    assert (made.custom_fields[2].key, lines) == ("[Points]", ["custom field `Points` (text)"])
    assert platform.created == []


@pytest.mark.parametrize(("most", "refused"), [(3, True), (4, False), (None, False)])
@pytest.mark.parametrize("dry_run", [True, False])
def test_more_fields_than_the_platform_takes_are_refused_before_the_first(
    most: int | None, refused: bool, dry_run: bool
) -> None:
    platform: Any = Platform(most)
    wanted = [WantedField("A"), WantedField("B")]
    if refused:
        with pytest.raises(
            CixError, match="2 custom fields would be created, the platform has 2 and takes 3"
        ) as caught:
            create_fields(platform, LIST, wanted, dry_run=dry_run)
        assert caught.value.code.code == "CIX-512"
        assert platform.created == []
    else:
        create_fields(platform, LIST, wanted, dry_run=dry_run)
        assert len(platform.created) == (0 if dry_run else 2)


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
