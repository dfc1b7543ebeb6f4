"""Constant Contact: what an import that is too large silently loses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cc_application import LIST, Application
from cix_sandbox.constant_contact.import_files import csv_rows, rows_within

if TYPE_CHECKING:
    import requests


def send(cc: Application, body: bytes) -> requests.Response:
    return cc.request(
        "POST", "/activities/contacts_json_import", data=body, headers={"Content-Type": "application/json"}
    )


def body_of(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"import_data": rows, "list_ids": [LIST]}).encode()


def people(count: int, padding: int = 0) -> list[dict[str, Any]]:
    return [{"email": f"p{number}@example.com", "unknown": "x" * padding} for number in range(count)]


def test_what_lies_beyond_four_megabytes_is_silently_dropped(cc: Application) -> None:
    rows = people(5_000, padding=1_000)
    body = body_of(rows)
    assert len(body) > 5_000_000
    kept = sum(1 for position in _ends(body) if position <= 4_000_000)
    activity = cc.finished(send(cc, body))
    assert activity["status"]["person_count"] == kept
    assert activity["status"]["items_total_count"] == kept + 1
    assert activity["activity_errors"] == []
    assert set(cc.emails()) == {row["email"] for row in rows[:kept]}


def _ends(body: bytes) -> list[int]:
    """Return where each row ends, found without the code under test."""
    ends, position = [], body.index(b"[") + 1
    text = body.decode()
    while text[position] in "{, ":
        if text[position] != "{":
            position += 1
            continue
        _, position = json.JSONDecoder().raw_decode(text, position)
        ends.append(position)
    return ends


def test_a_body_just_below_the_cut_is_read_to_its_end(cc: Application) -> None:
    rows = people(3_800, padding=1_000)
    body = body_of(rows)
    assert 3_900_000 < len(body) < 4_000_000
    assert cc.finished(send(cc, body))["status"]["person_count"] == 3_800


def test_the_cut_can_lie_at_four_mebibytes(cc: Application) -> None:
    body = body_of(people(4_000, padding=1_000))
    assert 4_000_000 < len(body) < 4_194_304
    cc.switch(import_bytes=4_194_304)
    assert cc.finished(send(cc, body))["status"]["person_count"] == 4_000


def test_the_rows_after_the_40000th_are_silently_dropped(cc: Application) -> None:
    rows = people(40_050)
    activity = cc.finished(send(cc, body_of(rows)))
    assert activity["status"] == {
        "items_total_count": 40_001,
        "person_count": 40_000,
        "error_count": 0,
        "correctable_count": 0,
        "cannot_add_to_list_count": 0,
    }
    assert set(cc.emails()) == {row["email"] for row in rows[:40_000]}


def test_a_list_behind_the_cut_still_counts(cc: Application) -> None:
    cc.switch(import_bytes=200)
    activity = cc.finished(send(cc, body_of(people(10))))
    assert 0 < activity["status"]["person_count"] < 10
    assert len(cc.members()) == activity["status"]["person_count"]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n ", " : ")])
def test_a_row_counts_only_when_its_last_byte_is_within(separators: tuple[str, str]) -> None:
    # Rows that are equal, or parts of each other, must not be found in each other's place.
    rows: list[dict[str, Any]] = [{"email": "a"}, {"email": "a"}, {"x": '{"email": "a"}'}, {}, {"email": "ü"}, {}]
    body = json.dumps({"import_data": rows, "list_ids": []}, separators=separators, ensure_ascii=False).encode()
    text_ends = _byte_ends(body)
    for limit in range(len(body)):
        assert rows_within(body, limit) == sum(1 for end in text_ends if end <= limit)
    assert rows_within(body, len(body)) is None


def _byte_ends(body: bytes) -> list[int]:
    """Return the number of bytes up to the end of each row."""
    text, ends = body.decode(), []
    position = text.index("[") + 1
    while text[position] != "]":
        if text[position] != "{":
            position += 1
            continue
        _, position = json.JSONDecoder().raw_decode(text, position)
        ends.append(len(text[:position].encode()))
    return ends


def test_a_row_of_a_file_that_is_cut_in_two_is_not_read() -> None:
    content = b'email,first_name\na@example.com,Ann\nb@example.com,"Bo\nCox"\n'
    assert [row["email"] for row in csv_rows(content, len(content), 40_000)] == ["a@example.com", "b@example.com"]
    for limit in range(content.index(b"b@"), len(content) - 1):
        assert [row["email"] for row in csv_rows(content, limit, 40_000)] == ["a@example.com"]


def test_an_import_with_a_long_address_can_be_refused_whole(cc: Application) -> None:
    rows = [{"email": "short@example.com"}, {"email": f"{'x' * 60}@example.com"}]
    assert cc.finished(send(cc, body_of(rows)))["status"]["correctable_count"] == 1
    cc.switch(import_long_email="refuse")
    assert send(cc, body_of(rows)).status_code == 400
    cc.switch(import_email_length=80)
    assert cc.finished(send(cc, body_of(rows)))["status"]["person_count"] == 2
