"""What shows that a segment is empty over the Dataverse Web API, and which memberships count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import CixError
from tap_cix_segments.tap import TapCixSegments

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stub


def ids(outcome: Any, stream: str) -> list[str]:
    return sorted(record["CustomerId"] for record in outcome.records(stream))


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("segments", [{}, {"segments": ["Gold"]}])
def test_a_provider_that_no_row_has_ends_the_run_before_anything_is_sent(
    stub: Stub, run_dataverse: Callable[..., Any], segments: Any, *, listed: bool
) -> None:
    stub.add("0a", "Gold").join("0a", "Gold", segmentprovider="another app")
    if listed:
        stub.describe("Gold", state="Active")
    outcome = run_dataverse(segment_provider="audience", **segments)
    assert outcome.exit_code == 1
    assert outcome.of_type("ACTIVATE_VERSION") == outcome.of_type("RECORD") == []
    [error] = outcome.errors()
    assert "CIX-101" in error
    assert "`audience` of the setting `segment_provider`; the first rows have `another app`, `audience i" in error


def test_a_connection_test_says_that_no_row_has_the_provider(stub: Stub) -> None:
    stub.add("0a", "Gold").describe("Gold", state="Active")
    with pytest.raises(CixError, match=r"CIX-101.*`audience`"):
        TapCixSegments(config={**stub.settings, "segment_provider": "audience"}).run_connection_test()


def test_a_provider_is_the_same_in_capitals(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").describe("Gold", state="Active")
    assert ids(read(segment_provider="Audience Insights "), "Gold") == ["0a"]


def test_a_segment_is_empty_for_a_provider_only_if_its_own_rows_name_others(
    stub: Stub, read: Callable[..., Any]
) -> None:
    stub.add("0a", "Gold").join("0b", "Other", segmentprovider="another").describe("Gold", "Silver", state="Active")
    assert read(segment_provider="another").of_type("ACTIVATE_VERSION") == []
    stub.add("0c").join("0c", "Silver", segmentprovider="another")
    ended = read(segment_provider="another").of_type("ACTIVATE_VERSION")
    assert [message["stream"] for message in ended] == ["Gold", "Silver"]


@pytest.mark.parametrize("membership_type", ["647430000", 647430000, "Profile"])
def test_a_type_of_membership_that_is_not_known_leaves_every_segment_without_an_end(
    stub: Stub, read: Callable[..., Any], caplog: pytest.LogCaptureFixture, membership_type: Any
) -> None:
    stub.add("0a", "Silver").add("0b").join("0b", "Gold", segmentmembershiptype=membership_type)
    stub.describe("Gold", "Silver", state="Active")
    outcome = read()
    assert ids(outcome, "Silver") == ["0a"]
    assert outcome.of_type("ACTIVATE_VERSION") == []
    assert "CIX-236" in caplog.text


@pytest.mark.parametrize("membership_type", ["647430000", "Contact"])
def test_rows_that_do_not_count_do_not_show_that_a_segment_is_empty(
    stub: Stub, read: Callable[..., Any], caplog: pytest.LogCaptureFixture, membership_type: str
) -> None:
    stub.join("0a", "Gold", segmentmembershiptype=membership_type).describe("Gold", "Empty", state="Active")
    assert read(segments=["Empty"]).of_type("ACTIVATE_VERSION") == []
    assert "CIX-238" in caplog.text


def test_the_names_are_known_although_the_first_rows_do_not_count(stub: Stub, read: Callable[..., Any]) -> None:
    stub.page_rows = 2
    for number in range(5):
        stub.join(f"{number}", "Gold", segmentmembershiptype="Contact")
    stub.add("0a", "Gold").describe("Gold", "Empty", state="Active")
    assert [m["stream"] for m in read(segments=["Empty"]).of_type("ACTIVATE_VERSION")] == ["Empty"]


def test_an_empty_segment_that_the_metadata_lists_is_read_to_its_end(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").describe("Gold", "Empty", state="Active")
    outcome = read(segments=["Empty"])
    assert [m["type"] for m in outcome.messages if m.get("stream") == "Empty"] == ["SCHEMA", "ACTIVATE_VERSION"]


@pytest.mark.parametrize("state", ["Inactive", 0, 1, "1", "Aktiv", None])
def test_a_segment_that_is_not_called_active_is_not_believed_to_be_empty(
    stub: Stub, read: Callable[..., Any], caplog: pytest.LogCaptureFixture, state: Any
) -> None:
    stub.add("0a", "Gold").describe("Gold", state=state).describe("Odd", state=state).describe("Empty", state="Active")
    outcome = read()
    assert [message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")] == ["Empty", "Gold"]
    assert "CIX-238" in caplog.text


@pytest.mark.parametrize("settings", [{}, {"stream_maps": {"Gold": {"EMail": "EMail"}}}])
def test_a_connection_test_ends_no_segment_not_even_an_empty_one(
    stub: Stub, run_dataverse: Callable[..., Any], settings: dict[str, Any]
) -> None:
    stub.add("0a", "Gold", EMail="anna@example.com").describe("Gold", "Empty", state="Active")
    outcome = run_dataverse("--test", **settings)
    assert outcome.exit_code == 0, outcome.log
    assert {message["stream"] for message in outcome.of_type("SCHEMA")} == {"Empty", "Gold"}
    assert outcome.of_type("ACTIVATE_VERSION") == []


def test_where_no_state_is_told_a_segment_may_be_empty(stub: Stub, read: Callable[..., Any]) -> None:
    del stub.metadata_columns["mscipriv_State"]
    stub.add("0a", "Gold").describe("Gold", "Empty")
    assert [message["stream"] for message in read().of_type("ACTIVATE_VERSION")] == ["Empty", "Gold"]


@pytest.mark.parametrize("listed", [["Empty"], ["Gold (UK)", "Empty"], []])
def test_a_segment_without_members_is_not_believed_to_be_empty_where_nothing_shows_it(
    stub: Stub, read: Callable[..., Any], caplog: pytest.LogCaptureFixture, listed: list[str]
) -> None:
    stub.add("0a", "Gold")
    if listed:
        stub.describe(*listed, state="Active")
    assert read(segments=["Empty"]).of_type("ACTIVATE_VERSION") == []
    assert "CIX-238" in caplog.text


def test_a_run_with_a_segment_that_is_not_complete_fails_after_the_others(
    stub: Stub, run_dataverse: Callable[..., Any]
) -> None:
    stub.add("0a", "Gold")
    outcome = run_dataverse(segments=["Empty", "Gold"])
    assert outcome.exit_code == 1
    assert [message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")] == ["Gold"]
    assert "CIX-238" in outcome.errors()[0]
    assert "CIX-216" in outcome.errors()[-1]


def test_a_table_of_memberships_without_rows_is_an_error(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a")
    with pytest.raises(CixError, match="CIX-238"):
        read()
