"""Constant Contact: imports of files."""

from __future__ import annotations

from typing import Any

from cc_application import LIST, Application, counts, invalid


def upload(cc: Application, content: bytes, name: str = "people.csv", **fields: str) -> Any:
    data = {"list_ids": LIST, **fields}
    return cc.request(
        "POST", "/activities/contacts_file_import", files={"file": (name, content, "text/csv")}, data=data
    )


def test_a_file_is_imported(cc: Application) -> None:
    content = '\ufeffemail,first_name,cf:city\r\nann@example.com,"Ann, A.",Berlin\r\n\r\nnonsense,Bo,\r\n'.encode()
    activity = cc.finished(upload(cc, content))
    assert counts(activity, rows=2, people=1, correctable=1)
    assert activity["source_file_name"] == "people.csv"
    (member,) = cc.members()
    assert (member["email"], member["first_name"], member["fields"]) == (
        "ann@example.com",
        "Ann, A.",
        {"city": "Berlin"},
    )


def test_a_file_goes_on_several_lists(cc: Application) -> None:
    second = cc.new_list("Second")
    cc.finished(upload(cc, b"email\na@example.com\n", list_ids=f"{LIST}, {second}"))
    assert cc.emails() == cc.emails(second) == ["a@example.com"]


def test_a_file_that_is_no_csv_gets_415(cc: Application) -> None:
    assert upload(cc, b"email\na@example.com\n", name="people.xlsx").status_code == 415
    assert cc.post("/activities/contacts_file_import", {"list_ids": LIST}).status_code == 415


def test_what_is_wrong_with_a_file_is_named(cc: Application) -> None:
    answer = cc.request("POST", "/activities/contacts_file_import", files={"list_ids": (None, LIST)})
    assert invalid(answer) == "file is missing"
    assert "heading" in invalid(upload(cc, b"name\nAnn\n"))
    assert "heading" in invalid(upload(cc, b""))
    assert "not CSV" in invalid(upload(cc, b"email\n" + b"x" * 200_000))
    assert "list_ids" in invalid(upload(cc, b"email\na@example.com\n", list_ids=""))
    assert "sms_permission" in invalid(upload(cc, b"email\na@example.com\n", sms_permission_to_send="yes"))


def test_a_full_file_has_39999_people_below_its_heading(cc: Application) -> None:
    cc.switch(import_rows=5, import_bytes=60)
    content = b"email\n" + b"".join(b"p%d@example.com\n" % number for number in range(9))
    activity = cc.finished(upload(cc, content))
    # 60 bytes end within the fourth row.
    assert counts(activity, rows=3, people=3)
    cc.switch(import_bytes=4_000_000)
    assert counts(cc.finished(upload(cc, content)), rows=4, people=4)
