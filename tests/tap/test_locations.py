"""A partition's location resolves below the folder, and never outside of it."""

from __future__ import annotations

from posixpath import normpath

import pytest
from audience_sdk.errors import CixError
from hypothesis import given
from hypothesis import strategies as st
from tap_cix_segments.locations import path_parts, possible_paths

PARTS = ["container", "CustomerInsights_1", "Mail Export", "Readers", "2026", "Readers_1.csv"]


@pytest.mark.parametrize(
    "location",
    [
        "https://account.blob.core.windows.net/container/CustomerInsights_1/Mail%20Export/Readers/2026/Readers_1.csv",
        "https://a.dfs.core.windows.net/container/CustomerInsights_1/Mail Export/Readers/2026/Readers_1.csv?sig=a%2Fb",
        "abfss://container@account.dfs.core.windows.net/CustomerInsights_1/Mail%20Export/Readers/2026/Readers_1.csv",
        "s3://container/CustomerInsights_1/Mail%20Export/Readers/2026/Readers_1.csv",
        "file:///container/CustomerInsights_1/Mail%20Export/Readers/2026/Readers_1.csv",
        "/container/CustomerInsights_1/Mail Export/Readers/./2026//Readers_1.csv",
        "container\\CustomerInsights_1\\Mail Export\\Readers\\2026\\Readers_1.csv",
    ],
)
def test_every_way_to_write_a_location(location: str) -> None:
    assert path_parts(location) == PARTS


def test_longest_ends_are_tried_first_below_every_base() -> None:
    assert list(possible_paths("b/c.csv", ["/root/export", "/root"])) == [
        "/root/export/b/c.csv",
        "/root/b/c.csv",
        "/root/export/c.csv",
        "/root/c.csv",
    ]


@pytest.mark.parametrize(
    "location",
    ["../x.csv", "a/../../x.csv", "https://h/a/%2e%2e/x.csv", "a\\..\\x.csv", "a/x\0.csv", "/", "https://h", "..", ""],
)
def test_location_that_leads_elsewhere_is_refused(location: str) -> None:
    with pytest.raises(CixError, match="CIX-209"):
        list(possible_paths(location, ["/root"]))


@given(location=st.text(st.sampled_from("./\\%2eEcC:abc?#@ "), min_size=1))
def test_no_location_leads_out_of_the_folder(location: str) -> None:
    try:
        paths = list(possible_paths(location, ["/root"]))
    except CixError:
        return
    assert all(normpath(path).startswith("/root/") for path in paths)
