"""Which segments the setting `segments` chooses."""

from __future__ import annotations

import pytest
from audience_sdk.errors import CixError
from tap_cix_segments.segment import Segment, choose_segments

SEGMENTS = [Segment(name, (), ()) for name in ("ChurnRisk", "HighValueCustomers", "HighValueUK", "Odd [1]")]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (None, ["ChurnRisk", "HighValueCustomers", "HighValueUK", "Odd [1]"]),
        (["HighValueUK", "ChurnRisk"], ["ChurnRisk", "HighValueUK"]),
        (["HighValue*"], ["HighValueCustomers", "HighValueUK"]),
        (["*Risk", "HighValue??"], ["ChurnRisk", "HighValueUK"]),
        (["Odd [1]"], ["Odd [1]"]),
        ([], []),
    ],
)
def test_names_and_patterns(patterns: list[str] | None, names: list[str]) -> None:
    assert [segment.name for segment in choose_segments(SEGMENTS, patterns)] == names


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [("churnrisk", "`ChurnRisk`"), ("HighValueCustomer", "`HighValueCustomers`"), ("HighVlaue*", "`HighValue")],
)
def test_unknown_segment_is_an_error_with_the_nearest_name(pattern: str, hint: str) -> None:
    with pytest.raises(CixError, match="CIX-205") as caught:
        choose_segments(SEGMENTS, ["ChurnRisk", pattern])
    assert f"`{pattern}`" in caught.value.message
    assert hint in caught.value.message


def test_nothing_near_gives_no_hint() -> None:
    with pytest.raises(CixError, match="CIX-205") as caught:
        choose_segments(SEGMENTS, ["zzz"])
    assert "nearest" not in caught.value.message
