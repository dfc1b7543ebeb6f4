"""What the documentation of Customer Insights' tables leaves open, selectable, and the limits of the Web API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cix_sandbox.switches import Switch

if TYPE_CHECKING:
    from cix_sandbox.switches import SwitchValue

NAME: Final = "dataverse"


def _switch(name: str, default: SwitchValue, meaning: str, choices: tuple[str, ...] = ()) -> Switch:
    return Switch(NAME, name, default, meaning, choices)


SWITCHES = (
    _switch("change_tracking", default=True, meaning="Whether the tables track changes; else delta links are refused."),
    _switch(
        "column_types",
        "typed",
        "Profile columns have the types of the export folder, or are all text.",
        ("typed", "text"),
    ),
    _switch("combined_seconds", 1200, "Execution time of one user in five minutes before 429; 0 for no limit."),
    _switch("concurrent_requests", 52, "Requests of one user at a time before 429; 0 for no limit."),
    _switch("delta_link_days", 7, "Days for which a delta link is good."),
    _switch("elastic_tables", default=False, meaning="Elastic tables: 500 rows a page unless a size is asked for."),
    _switch("filter_conditions", 500, "Conditions of a $filter before 400."),
    _switch(
        "filter_quotes",
        "plain",
        "How a quote is written in a $filter over msdynci_segments: as it is, or after a backslash.",
        ("plain", "escaped"),
    ),
    _switch("filter_wildcards", default=True, meaning="% and _ in contains, startswith and endswith are wildcards."),
    _switch(
        "left_all_segments",
        "row_deleted",
        "What becomes of the membership of someone who is in no segment any more.",
        ("row_deleted", "list_emptied"),
    ),
    _switch(
        "membership_type",
        "Customer",
        "What a membership of a unified profile has as its type: the name, in capitals, a number, or another.",
        ("Customer", "CUSTOMER", "647430000", "Profile"),
    ),
    _switch(
        "metadata_columns",
        "plain",
        "Column names of the table of segments: mscipriv_name and so on, or longer ones.",
        ("plain", "long"),
    ),
    _switch(
        "metadata_table",
        "readable",
        "The table of segments can be read, is forbidden (403), or does not exist.",
        ("readable", "forbidden", "absent"),
    ),
    _switch("next_link_seconds", 0, "Seconds for which a nextLink is good; 0 for ever."),
    _switch("page_rows", 5000, "Most rows on a page, whatever size is asked for."),
    _switch(
        "provider_spelling",
        "as_published",
        "How msdynci_segmentprovider has a name: as it was published, or beginning with a capital.",
        ("as_published", "capital"),
    ),
    _switch(
        "right_to_profiles",
        default=True,
        meaning="Whether the application users may read profiles; else 403 (prvReadmsdynci_customerprofile).",
    ),
    _switch(
        "right_to_memberships",
        default=True,
        meaning="Whether the application users may read memberships; else 403 (prvReadmsdynci_segmentmembership).",
    ),
    _switch("requests_per_window", 6000, "Requests of one user in five minutes before 429; 0 for no limit."),
    _switch(
        "segment_state",
        "text",
        "The state in the table of segments: the text Active or Inactive, or the number of an option (0, 1).",
        ("text", "option_number"),
    ),
    _switch(
        "segments_shape",
        "object",
        "JSON text in msdynci_segments: an object with Segments, a bare array, or now one and now the other.",
        ("object", "array", "mixed"),
    ),
    _switch(
        "sync",
        "changed_rows",
        "Reading an export folder again touches the rows that differ, or every row.",
        ("changed_rows", "all_rows"),
    ),
    _switch("url_characters", 32768, "Longest URL before 414; 0 for no limit."),
    _switch("work_seconds", 0, "Execution time of every request: it waits, and it counts for the limits."),
)
FAULT_KINDS = {
    "request_limit": "answer 429 with code 0x80072322 (too many requests) and Retry-After `seconds`",
    "execution_time_limit": "answer 429 with code 0x80072321 (too much execution time) and Retry-After `seconds`",
    "concurrency_limit": "answer 429 with code 0x80072326 (too many requests at a time) and Retry-After `seconds`",
    "expired_next_link": "answer 400 to a nextLink, as if its paging cookie had expired",
    "expired_delta_link": "answer 400 with code 0x80044352 to a delta link",
    "revoked_right": "answer 403 with code 0x80040220, naming the right to read the table",
    "short_page": "answer a page with half the rows asked for, and a nextLink",
    "empty_page": "answer a page without rows, and a nextLink",
}
