"""What the service's documentation leaves open, selectable; the default is the likeliest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cix_sandbox.switches import Switch

if TYPE_CHECKING:
    from cix_sandbox.switches import SwitchValue

NAME: Final = "campaign_monitor"


def _switch(name: str, default: SwitchValue, meaning: str, choices: tuple[str, ...] = ()) -> Switch:
    return Switch(NAME, name, default, meaning, choices)


SWITCHES = (
    _switch("add_delay_seconds", 0, "Seconds until a subscriber added one by one is on the list."),
    _switch(
        "address_throttle_limit",
        3,
        "Adds or updates of one address that `rate_limit` per_address lets through per window.",
    ),
    _switch("address_throttle_seconds", 60, "Length of the per_address window in seconds."),
    _switch("agency", default=True, meaning="Whether the account may make clients and read its billing."),
    _switch(
        "blank_value",
        "keep",
        "A custom field sent empty without Clear keeps or clears the stored value.",
        ("keep", "clear"),
    ),
    _switch("bucket_limit", 60, "Requests per window that `rate_limit` header_bucket grants."),
    _switch("bucket_seconds", 60, "Length of the header_bucket window in seconds."),
    _switch(
        "consent_check",
        "whole_request",
        "A row without a valid ConsentToTrack fails the whole import or only itself.",
        ("whole_request", "per_row"),
    ),
    _switch(
        "date_filter",
        "exclusive",
        "Whether `date` of a listing leaves out or takes in that very second.",
        ("exclusive", "inclusive"),
    ),
    _switch(
        "delete_inactive",
        "203",
        "Deleting someone who is known but not active answers 400/203, or 200 without an effect, or 200 and makes them"
        " Deleted.",
        ("203", "200", "deleted"),
    ),
    _switch(
        "duplicate_winner",
        "last",
        "Which row of an address that is twice in an import counts.",
        ("last", "first"),
    ),
    _switch("gzip", default=True, meaning="Compress answers for clients that say they can read it."),
    _switch("import_latency_seconds", 0, "Seconds that an import takes before it stores its rows."),
    _switch(
        "inactive_row_fields",
        "keep",
        "Whether a row refused with 204 to 208 still updates name and fields.",
        ("keep", "update"),
    ),
    _switch(
        "invalid_email_message",
        "docs",
        "Wording of code 1 in an import: as documented, or as seen live.",
        ("docs", "live"),
    ),
    _switch(
        "long_value",
        "truncate",
        "A custom field value above 250 characters is cut or ignored.",
        ("truncate", "ignore"),
    ),
    _switch(
        "missing_consent_code",
        "214",
        "Code for a missing ConsentToTrack: documented 214, or -213 as seen live.",
        ("214", "-213"),
    ),
    _switch(
        "non_string_value",
        "refuse",
        "A custom field value that is a JSON number or boolean is refused (400) or made text.",
        ("refuse", "convert"),
    ),
    _switch(
        "oauth_decision",
        "grant",
        "What the account's owner answers on the consent page of OAuth.",
        ("grant", "deny"),
    ),
    _switch("oauth_error_status", "400", "HTTP status of errors of the token endpoint.", ("400", "401")),
    _switch(
        "rate_limit",
        "none",
        "429: never, for an address written too often, or by a bucket with X-RateLimit headers.",
        ("none", "per_address", "header_bucket"),
    ),
    _switch(
        "read_key_brackets",
        default=True,
        meaning="Custom field keys of subscribers read as `[key]`; off: as the field's name.",
    ),
    _switch(
        "resubscribe_lifts_suppression",
        default=True,
        meaning="Whether a resubscribed address leaves the suppression list.",
    ),
    _switch(
        "resubscribed_counts_as",
        "existing",
        "Bucket in which an import counts a resubscribed person.",
        ("existing", "new"),
    ),
    _switch(
        "suppressed_first",
        default=True,
        meaning="Someone inactive and suppressed fails with 204; off: with the code of the state.",
    ),
    _switch(
        "suppressed_newcomer",
        "204",
        "A suppressed address that was never on the list is refused or let in.",
        ("204", "allow"),
    ),
    _switch(
        "unconfirmed_resubscribed",
        "active",
        "What Resubscribe makes of someone unconfirmed.",
        ("active", "unconfirmed"),
    ),
)
