"""Asking for activities: imports, memberships, deletions."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any, cast

import msgspec

from cix_sandbox.constant_contact import activities, answers
from cix_sandbox.constant_contact.bulk_jobs import (
    DeleteOrder,
    FieldOrder,
    ListOrder,
    MembershipOrder,
    Source,
)
from cix_sandbox.constant_contact.gate import MULTIPART, Call, Endpoint
from cix_sandbox.constant_contact.ids import is_id
from cix_sandbox.constant_contact.import_files import csv_rows, read_upload, rows_within
from cix_sandbox.constant_contact.import_job import ImportBody, ImportOrder
from cix_sandbox.constant_contact.lists import lists_by_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from cix_sandbox.constant_contact.answers import Refusal

MOST_CONTACTS = 500
MOST_LISTS = 50
MOST_DELETED = 100
_ENGAGEMENT = ("unqualified", "low", "medium", "high")
_MISSING = re.compile(r"missing required field `(?P<name>\w+)`")
_PRIVILEGE = "contacts:write"
_SOURCES = ("contact_ids", "list_ids", "tag_ids", "all_active_contacts", "engagement_level", "segment_id")


def _import_json(call: Call) -> Response:
    try:
        body = msgspec.json.decode(call.body, type=ImportBody)
    except msgspec.DecodeError as error:
        missing = _MISSING.search(str(error))
        raise answers.invalid(f"{missing['name']} is missing" if missing else f"request body: {error}") from error
    if not body.import_data:
        raise answers.invalid_value("import_data")
    call.request.state.rows = len(body.import_data)
    longest = call.number("import_email_length")
    if call.text("import_long_email") == "refuse" and any(
        len(str(row.get("email") or "")) > longest for row in body.import_data
    ):
        raise answers.invalid_value("import_data[email]")
    lists = _lists(call, body.list_ids, MOST_LISTS, _unknown_is_invalid)
    order = _import_order(call, lists, body.sms_permission_to_send, counts_header=call.flag("import_counts_header"))
    kept = rows_within(call.body, int(call.number("import_bytes")))
    most = min(int(call.number("import_rows")), len(body.import_data) if kept is None else kept)
    payload = call.body
    if most < len(body.import_data):
        payload = msgspec.json.encode(ImportBody(body.import_data[:most], []))
    return answers.answer(activities.accept(call, "import", order, payload=payload), 201)


def _import_file(call: Call) -> Response:
    upload = read_upload(call.request.headers["content-type"], call.body)
    if upload is None:
        raise answers.invalid("file is missing")
    if not upload.file_name.lower().endswith(".csv"):
        raise answers.error_array(415, "unsupported_media_type", "The file must be a .csv file.")
    list_ids = [part.strip() for part in upload.fields.get("list_ids", "").split(",") if part.strip()]
    lists = _lists(call, list_ids, MOST_LISTS, _unknown_is_invalid)
    permission = upload.fields.get("sms_permission_to_send", "not_set")
    if permission not in ("explicit", "not_set"):
        raise answers.invalid_value("sms_permission_to_send")
    try:
        rows = csv_rows(upload.content, int(call.number("import_bytes")), int(call.number("import_rows")))
    except csv.Error as error:
        raise answers.invalid(f"file is not CSV: {error}") from error
    if not rows or not {"email", "sms_number"} & rows[0].keys():
        raise answers.invalid("file needs rows below a heading with email or sms_number")
    call.request.state.rows = len(rows)
    order = _import_order(call, lists, permission, counts_header=True)
    payload = msgspec.json.encode({"import_data": rows, "list_ids": []})
    activity = activities.accept(call, "import", order, payload=payload, source_file_name=upload.file_name)
    return answers.answer(activity, 201)


def _import_order(call: Call, lists: list[int], sms_permission: str, *, counts_header: bool) -> ImportOrder:
    rules = {
        name: call.text(f"import_{name}")
        for name in ("blank", "unknown_field", "long_value", "many_fields", "wrong_value", "duplicates", "deleted")
    }
    return msgspec.convert(
        {
            "lists": lists,
            "rules": {
                **rules,
                "email_length": int(call.number("import_email_length")),
                "email_match": call.text("email_match"),
                "sms_permission": sms_permission,
            },
            "counts_header": counts_header,
            "error_form": call.text("activity_errors"),
            "broken_share": call.number("broken_import_share"),
        },
        type=ImportOrder,
    )


def _change_memberships(kind: str) -> Callable[[Call], Response]:
    def handle(call: Call) -> Response:
        body = call.json()
        source = _source(call, body)
        call.request.state.rows = len(source.contact_ids)
        lists = lists_or_missing(call, body.get("list_ids"), MOST_LISTS)
        order = MembershipOrder(source, lists, call.flag("membership_bumps_updated_at"))
        return answers.answer(activities.accept(call, kind, order), 201)

    return handle


def _delete_contacts(call: Call) -> Response:
    body = call.json()
    if ("contact_ids" in body) == ("list_ids" in body):
        raise answers.invalid("exactly one of contact_ids, list_ids is required")
    if "contact_ids" in body:
        source = Source("contacts", contact_ids=ids_of("contact_ids", body["contact_ids"], MOST_CONTACTS))
        call.request.state.rows = len(source.contact_ids)
    else:
        source = Source("lists", lists=lists_or_missing(call, body["list_ids"], MOST_LISTS))
    return answers.answer(activities.accept(call, "contact_delete", DeleteOrder(source)), 201)


def _delete_lists(call: Call) -> Response:
    lists = lists_or_missing(call, call.json().get("list_ids"), MOST_DELETED)
    return answers.answer(activities.accept(call, "list_delete", ListOrder(lists)), 201)


def _delete_fields(call: Call) -> Response:
    field_ids = ids_of("custom_field_ids", call.json().get("custom_field_ids"), MOST_DELETED)
    return answers.answer(activities.accept(call, "custom_fields_delete", FieldOrder(field_ids)), 201)


def _source(call: Call, body: dict[str, Any]) -> Source:
    """Read the one thing by which contacts are chosen, and who is left out."""
    source = body.get("source")
    if not isinstance(source, dict):
        raise answers.invalid("source is missing")
    chosen = [name for name in _SOURCES if source.get(name) is not None]
    if len(chosen) != 1:
        raise answers.invalid(f"source needs exactly one of {', '.join(_SOURCES)}")
    by, value = chosen[0], source[chosen[0]]
    exclude: list[str] = []
    if body.get("exclude") is not None:
        if by not in ("list_ids", "all_active_contacts") or not isinstance(body["exclude"], dict):
            raise answers.invalid_value("exclude")
        exclude = ids_of("exclude[contact_ids]", body["exclude"].get("contact_ids"), MOST_CONTACTS)
    if by == "contact_ids":
        return Source("contacts", contact_ids=ids_of("source[contact_ids]", value, MOST_CONTACTS))
    if by == "list_ids":
        lists = lists_or_missing(call, value, int(call.number("source_lists")))
        return Source("lists", lists=lists, exclude=exclude)
    if by == "all_active_contacts" and value is True:
        return Source("active", exclude=exclude)
    if by == "engagement_level" and value in _ENGAGEMENT:
        # Nobody has opened anything here: everyone's engagement is not known yet.
        return Source("active" if value == "unqualified" else "none")
    if by in ("tag_ids", "segment_id"):
        raise answers.not_found(f"source[{by}] does not exist.")
    raise answers.invalid_value(f"source[{by}]")


def lists_or_missing(call: Call, list_ids: object, most: int) -> list[int]:
    """Return the numbers of the lists with these identifiers.

    Raises:
        Refusal: A list does not exist (404), or the identifiers are none (400).
    """
    return _lists(call, list_ids, most, _unknown_is_missing)


def _lists(call: Call, list_ids: object, most: int, unknown: Callable[[str], Refusal]) -> list[int]:
    wanted = ids_of("list_ids", list_ids, most)
    found = lists_by_id(call.connection, call.account_id, wanted)
    for list_id in wanted:
        if list_id not in found:
            raise unknown(list_id)
    return list(found.values())


def ids_of(name: str, value: object, most: int) -> list[str]:
    """Return a body's array of identifiers.

    Args:
        name: Name of the array in the body.
        value: The array.
        most: How many identifiers are allowed.

    Raises:
        Refusal: It is missing, empty, too long, or something in it is no identifier.
    """
    if value is None:
        raise answers.invalid(f"{name} is missing")
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise answers.invalid_value(name)
    if not all(isinstance(item, str) and is_id(item) for item in value):
        raise answers.invalid_value(name)
    return cast("list[str]", value)


def _unknown_is_invalid(list_id: str) -> Refusal:
    # An import's answers do not include 404.
    return answers.invalid(f"list_ids does not have a valid value: there is no list {list_id}")


def _unknown_is_missing(list_id: str) -> Refusal:
    return answers.not_found(f"There is no list {list_id}.")


def _post(name: str, handler: Callable[[Call], Response], takes: str = "application/json") -> Endpoint:
    return Endpoint("POST", f"/v3/activities/{name}", handler, privilege=_PRIVILEGE, takes=takes)


ENDPOINTS: tuple[Endpoint, ...] = (
    _post("contacts_json_import", _import_json),
    _post("contacts_file_import", _import_file, takes=MULTIPART),
    _post("add_list_memberships", _change_memberships("add_list_memberships")),
    _post("remove_list_memberships", _change_memberships("remove_list_memberships")),
    _post("contact_delete", _delete_contacts),
    _post("list_delete", _delete_lists),
    _post("custom_fields_delete", _delete_fields),
)
