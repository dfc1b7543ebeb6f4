"""An answer that is kept holds its codes and the platform's own words, and nothing about anybody."""

from __future__ import annotations

import json

import pytest
from audience_sdk.redaction import redacted, without_values


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"Code": 4711, "Message": "Not today"}, '{"Code":4711,"Message":"Not today"}'),
        ({"Code": 1, "EmailAddress": "a@example.com"}, '{"Code":1,"EmailAddress":"<13 characters>"}'),
        ({"a@example.com": [1, 2, 3]}, '{"<address>":[1,"2 more"]}'),
        ({"phone": 4512345678, "ok": True, "none": None}, '{"phone":"<number>","ok":true,"none":null}'),
        ([{"error_key": "contacts.bad", "error_message": "Anna is bad"}],
         '[{"error_key":"contacts.bad","error_message":"<sent> is bad"}]'),
        ("just a text", '"<11 characters>"'),
        ([], "[]"),
    ],
)  # fmt: skip
def test_the_shape_of_an_answer_is_kept_without_values(body: object, kept: str) -> None:
    assert redacted(422, json.dumps(body).encode(), ["Anna"]) == f"HTTP 422, {kept}"


def test_what_is_no_json_is_told_by_its_size() -> None:
    assert redacted(502, b"<html>Anna</html>") == "HTTP 502, 17 bytes that are no JSON"


def test_a_long_answer_is_cut() -> None:
    assert len(redacted(400, json.dumps({"Message": "no " * 900}).encode())) < 500


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a+b@example.com is taken", "<address> is taken"),
        ("Value 'Ann Moe' and \"x\" of `City`", "Value <quoted> and <quoted> of <quoted>"),
        ("call +45 12 34 56 78 now", "call <number> now"),
        ("code 204 stays", "code 204 stays"),
        ("Moe, Ann Moe and Moebius", "<sent>, <sent> and Moebius"),
        ("it's fine", "it's fine"),
    ],
)
def test_a_sentence_is_kept_without_what_it_says_of_somebody(text: str, kept: str) -> None:
    assert without_values(text, ["Moe", "Ann Moe", ""]) == kept
