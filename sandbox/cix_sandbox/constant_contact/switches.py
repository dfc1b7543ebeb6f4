"""What Constant Contact's documentation leaves open, as switches, and what can go wrong on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cix_sandbox.switches import Switch

if TYPE_CHECKING:
    from cix_sandbox.switches import SwitchValue

NAME = "constant_contact"


def _switch(name: str, meaning: str, *, default: SwitchValue, choices: tuple[str, ...] = ()) -> Switch:
    return Switch(NAME, name, default, meaning, choices)


SWITCHES = (
    # Limits
    _switch("requests_per_second", "requests per second of one client_id; 0 for no limit", default=4),
    _switch("requests_per_day", "requests per UTC day of one client_id; 0 for no limit", default=10_000),
    _switch("token_requests_per_second", "token requests per second; 0 for no limit", default=1),
    _switch("queued_activities", "unfinished activities of an account before 429", default=1_000),
    _switch("gateway_bytes", "largest body before 413; 0 for no limit", default=10_485_760),
    _switch("import_bytes", "bytes of an import that are read, the rest is cut off", default=4_000_000),
    _switch("import_rows", "rows of an import that are read, the rest is cut off", default=40_000),
    _switch("lists", "lists that an account can have", default=1_000),
    _switch("custom_fields", "custom fields that an account can have", default=100),
    _switch("list_page", "largest `limit` of GET /contact_lists", default=500),
    _switch("source_lists", "most lists in the source of a membership activity", default=50),
    # OAuth
    _switch(
        "authorize",
        "what the person at the browser does on the authorize page: grant at once, be asked, refuse",
        default="approve",
        choices=("approve", "ask", "deny"),
    ),
    _switch("device_refresh_token", "the device flow gives a refresh token", default=True),
    _switch("refresh_expires_access_tokens", "a refresh ends the access tokens given before it", default=False),
    _switch("reuse_revokes_grant", "using a dead refresh token also kills the one that is alive", default=False),
    # Who may do what
    _switch(
        "privileges", "privileges of the person who granted access", default="all", choices=("all", "read_only", "none")
    ),
    _switch("application_active", "applications are active; else every request gets 403", default=True),
    _switch("forbidden_body", "body of 403", default="array", choices=("array", "object", "gateway")),
    _switch("missing_token_status", "status of a request without a token", default="401", choices=("401", "403")),
    # Answers
    _switch("created_status", "status of a created list or custom field", default="201", choices=("201", "200")),
    _switch("queue_error_key", "error key of a full queue", default="queue_full", choices=("queue_full", "throttled")),
    _switch("gzip_bodies", "gzip request bodies are read; else 415", default=False),
    _switch("field_lag_seconds", "seconds until a new custom field shows in the listing", default=0),
    # Activities
    _switch("activity_queue_seconds", "seconds for which an activity is `initialized`", default=0.2),
    _switch("activity_work_seconds", "seconds for which an activity is `processing`", default=0.3),
    _switch("activities_in_parallel", "activities processing at a time; 0 for no limit", default=0),
    _switch("import_counts_header", "items_total_count of an import counts a header row", default=True),
    _switch(
        "activity_errors",
        "elements of activity_errors: texts with a line number, objects with a message, none",
        default="line",
        choices=("line", "object", "none"),
    ),
    _switch(
        "broken_import_share",
        "share of the rows (0 to 1) that an import stores before it fails or times out",
        default=0,
    ),
    # Import rows
    _switch("import_blank", "a blank value", default="ignore", choices=("ignore", "clear")),
    _switch("import_unknown_field", "a cf: key without a field", default="ignore", choices=("ignore", "row_error")),
    _switch("import_long_value", "a value that is too long", default="truncate", choices=("truncate", "row_error")),
    _switch(
        "import_many_fields", "more than 25 cf: keys in a row", default="truncate", choices=("truncate", "row_error")
    ),
    _switch(
        "import_wrong_value",
        "a cf: value that does not fit the field's type",
        default="row_error",
        choices=("row_error", "drop", "store"),
    ),
    _switch("import_email_length", "longest e-mail in an import (the contract; elsewhere 80)", default=50),
    _switch(
        "import_long_email",
        "an e-mail that is longer: its row is not imported, or the whole import is answered 400",
        default="row_error",
        choices=("row_error", "refuse"),
    ),
    _switch(
        "import_duplicates",
        "rows of one import with the same e-mail",
        default="last_wins",
        choices=("last_wins", "first_wins", "row_error"),
    ),
    _switch("import_deleted", "a deleted contact in an import", default="revive", choices=("revive", "skip")),
    _switch("email_match", "case of e-mails in matching", default="insensitive", choices=("insensitive", "sensitive")),
    # Contacts
    _switch("confirmed_opt_in", "the account asks new sign-ups for a confirmation", default=False),
    _switch("unsubscribe_leaves_lists", "a person who unsubscribes leaves every list", default=True),
    _switch("membership_bumps_updated_at", "a membership activity sets updated_at", default=True),
    _switch(
        "sign_ups_per_day",
        "sign-ups of one address in 24 hours, after which it is refused for 48; 0 for no limit",
        default=5,
    ),
)

FAULT_KINDS = {
    "activity_failed": "accept the activity, then let it end as `failed`",
    "activity_timed_out": "accept the activity, then let it end as `timed_out`",
    "activity_cancelled": "accept the activity, then let it end as `cancelled`",
    "activity_unknown": "accept the activity, then let it end in a state that no document names",
    "activity_stuck": "accept the activity, then leave it `initialized` for ever",
    "activity_delay": "accept the activity and let it process for `seconds` longer",
}
