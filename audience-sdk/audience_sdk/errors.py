"""The registry of error codes, and the exceptions that carry them.

A user meets a code in a message, a summary or a rejected row; the table here says what it means and what to do.
`docs/errors.md` is generated from this file. Codes never change their meaning; a new situation gets a new code.

Hundreds: 1 settings, 2 source, 3 Singer input, 4 platform, 5 guards, 6 this machine, 7 rows, 9 our own faults.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorCode:
    """One situation that a user can meet.

    Attributes:
        code: Stable identifier, `CIX-` and three digits.
        meaning: What has happened, in a sentence.
        action: What the user does next.
    """

    code: str
    meaning: str
    action: str


_REGISTRY: dict[str, ErrorCode] = {}


def _register(number: int, meaning: str, action: str) -> ErrorCode:
    entry = ErrorCode(f"CIX-{number}", meaning, action)
    if entry.code in _REGISTRY:
        raise ValueError(f"error code {entry.code} is registered twice")
    _REGISTRY[entry.code] = entry
    return entry


def all_codes() -> list[ErrorCode]:
    """Return every registered code, in the order of the numbers."""
    return sorted(_REGISTRY.values(), key=lambda entry: entry.code)


# 1xx: settings
SETTING_INVALID = _register(
    101,
    "A setting is missing or has a value of the wrong kind.",
    "Correct the named setting; `--about` lists all settings.",
)
URL_INSECURE = _register(
    107,
    "A URL would send secrets and personal data unencrypted.",
    "Use `https://`; `http://` is for addresses of this machine alone.",
)
CONSENT_MISSING = _register(
    102,
    "`data_privacy_consent` is not true.",
    "Set `data_privacy_consent: true` once whoever answers for this data agrees: an export takes names and "
    "e-mail addresses out of the Customer Insights compliance boundary to the platform that you name.",
)
COLUMN_UNKNOWN = _register(
    103,
    "A column in the field mapping does not exist in the segment.",
    "Correct the column in `field_mapping`; `tap-cix-segments --discover` lists the columns.",
)
FIELD_UNKNOWN = _register(
    104,
    "A platform field in the field mapping does not exist.",
    "Correct the name in `field_mapping`, or set `create_fields: true` to have a missing custom field created.",
)
LIST_UNSET = _register(
    105,
    "No list is named for a segment.",
    "Set `list_id`, or name the segment in `lists`.",
)
LEDGER_URL_INVALID = _register(
    106,
    "`ledger_url` is not a place where a ledger can be.",
    "Use `sqlite:///path/to/ledger.db`.",
)

# 2xx: the source
SOURCE_UNREADABLE = _register(
    201,
    "The source folder cannot be read.",
    "Check the path or URL in `folder` and that this user may read it.",
)
MODEL_NOT_FOUND = _register(
    202,
    "No model.json lies at or below the source folder.",
    "Point `folder` at the container, the `CustomerInsights_...` folder or the export folder that holds model.json.",
)
MODEL_AMBIGUOUS = _register(
    203,
    "Several exports lie below the source folder.",
    "Point `folder` at the one folder that holds the model.json to read.",
)
MODEL_INVALID = _register(
    204,
    "model.json is not a description of exported segments.",
    "Let Customer Insights write the export again, or correct model.json at the named place.",
)
SEGMENT_UNKNOWN = _register(
    205,
    "A segment that was asked for is not in the source.",
    "Correct its name; `tap-cix-segments --discover` lists the segments. Nothing was sent.",
)
COLUMN_GONE = _register(
    206,
    "The catalog selects a column that the segment no longer has.",
    "Discover the catalog again (Meltano: `--refresh-catalog`). Nothing was sent.",
)
PARTITION_MISSING = _register(
    207,
    "A partition that model.json names is not there.",
    "Let the export finish or run it again in Customer Insights, then run again.",
)
PARTITION_UNREADABLE = _register(
    208,
    "A partition cannot be read to its end.",
    "Check the file and the rights on it, or run the export again in Customer Insights.",
)
LOCATION_REFUSED = _register(
    209,
    "The location of a partition in model.json is not a path below the source folder.",
    "Correct `location` in model.json: a path or URL without `..`.",
)
FORMAT_UNKNOWN = _register(
    210,
    "The file format that model.json states for a partition is not known.",
    "Correct the named key of `fileFormatSettings` in model.json.",
)
DELIMITER_WRONG = _register(
    211,
    "A partition is not separated by the delimiter that model.json states.",
    "Correct `fileFormatSettings.delimiter` in model.json, or export again with that delimiter.",
)
HEADER_WRONG = _register(
    212,
    "The header of a partition does not hold the columns that model.json lists.",
    "Export again in Customer Insights, so that model.json and the files belong together.",
)
ROW_MALFORMED = _register(
    213,
    "A row is not valid CSV, or has more or fewer values than there are columns.",
    "Correct the row at the source; it was not sent, the other rows were.",
)
ROW_UNDECODABLE = _register(
    214,
    "A row holds bytes that are not text in the encoding of the file.",
    "Correct the row, or `fileFormatSettings.encoding`; the row was not sent, the other rows were.",
)
VALUE_MISFIT = _register(
    215,
    "A value does not fit the data type of its column.",
    "Correct it at the source; the row was sent, with null in its place.",
)
SEGMENT_INCOMPLETE = _register(
    216,
    "A segment was not read to its end, so nothing may be concluded from who is missing in it.",
    "See the errors above for rows and partitions, and run again when they are corrected.",
)
OUTPUT_CLOSED = _register(
    217,
    "Whatever reads the tap's output has stopped reading.",
    "Look at the target's own error; the tap did not finish.",
)

LOGIN_REFUSED = _register(
    231,
    "Microsoft Entra gave the tap no access token.",
    "Correct the setting or the app registration that the message names; README of the tap, `Rights`.",
)
RIGHT_MISSING = _register(
    232,
    "Dataverse refuses the tap a right that it needs.",
    "Grant the named right; README of the tap, `Rights`.",
)
TABLE_MISSING = _register(
    233,
    "Dataverse does not have a table or column of Customer Insights that the tap needs.",
    "Check `organization_url`; switch on data sharing with Dataverse in Customer Insights, and let a full refresh end.",
)
SOURCE_ANSWER_WRONG = _register(
    234,
    "Dataverse gave an answer that the tap does not understand or must not follow.",
    "Run again; if it comes again, report it with the message, which holds no personal data.",
)
READ_NOT_RESUMED = _register(
    235,
    "Dataverse broke off the reading of a table, or segments were refreshed meanwhile, again and again.",
    "Run again when the environment is less busy, best not during a refresh of Customer Insights.",
)
MEMBERSHIP_UNREADABLE = _register(
    236,
    "What Dataverse says of the segments of some customers cannot be read.",
    "Let Customer Insights refresh and sync to Dataverse, then run again; the other rows were sent. If it stays, look "
    "whether memberships have another type than Customer, Contact and Account, and report it.",
)
PROFILE_MISSING = _register(
    237,
    "Members of a segment have no profile that the tap can see.",
    "Run again after the next refresh; if it stays, check that no business unit hides profiles from the application "
    "user. If such members may count as gone, set `skip_members_without_profile: true`.",
)
SEGMENT_WITHOUT_MEMBERS = _register(
    238,
    "Dataverse has no member of a segment, and nothing tells whether it is empty, not synced yet, or misspelt.",
    "Check its output table name in Customer Insights, and that it has been refreshed and synced to Dataverse.",
)

EXTRA_MISSING = _register(
    218,
    "The source needs a library that is not installed.",
    "Install the named extra of tap-cix-segments; with Meltano, name it in the tap's `pip_url`.",
)
PARTITION_EMPTY = _register(
    219,
    "A partition's file is empty, without even a header.",
    "It may be cut short: run the export again. If your exports write such files, set `allow_empty_files: true`.",
)
SEGMENT_STALE = _register(
    220,
    "A segment has not been refreshed for long, or is not active.",
    "Look at the segment in Customer Insights: it may be switched off, or its refresh may fail. It was read as it is.",
)
TABLES_NOT_FOUND = _register(
    221,
    "The source folder holds no tables of the kind that `source` says.",
    "Point `folder` at the folder whose subfolders are the tables, and check `source`.",
)
TABLES_AMBIGUOUS = _register(
    222,
    "Several tables of the source folder have the same name.",
    "Rename or move all but one of them, or point `folder` at the one folder whose tables are to be read.",
)

# 3xx: Singer input
MESSAGE_MALFORMED = _register(
    301,
    "A line of the input is not a Singer message.",
    "Nothing was sent. Check what the tap prints: every line must be one JSON message.",
)
RECORD_BEFORE_SCHEMA = _register(
    302,
    "A RECORD arrived before the SCHEMA of its stream.",
    "Nothing was sent. The tap must print a SCHEMA for a stream before its first RECORD.",
)
KEY_MISSING = _register(
    303,
    "A RECORD lacks a key property of its stream.",
    "Nothing was sent. The tap must fill the key properties that its SCHEMA names.",
)

NOTHING_ARRIVED = _register(
    304,
    "No segment arrived.",
    "Nothing was sent. Check that the tap ran (in a shell pipe, `set -o pipefail`) and what `select` names.",
)

SKIPPED_BUT_NEEDED = _register(
    305,
    "The tap left out segments as unchanged, but the list does not hold them just so.",
    "Run again: the tap will read them. To have them read at once, run with `--full-refresh`, or without a state.",
)

# 4xx: the platform
PLATFORM_UNREACHABLE = _register(
    401,
    "The platform did not answer.",
    "Check the network and the platform's status page, then run again: confirmed rows are not sent twice.",
)
CREDENTIALS_REFUSED = _register(
    402,
    "The platform refused the credentials.",
    "Check that the key, client and secret are those of the account that owns the list.",
)
CONNECTION_LOST = _register(
    403,
    "The authorisation of this connection has ended.",
    "Log in again with the target's command `login`, or put new credentials into the settings.",
)
LIST_UNKNOWN = _register(
    404,
    "The list does not exist, or belongs to another account.",
    "Check `list_id` and `lists`: the list's name or its API id (not the one in the web address), both of which "
    "`--lists` shows; or set `create_list: true`.",
)
PERMISSION_MISSING = _register(
    405,
    "The credentials lack a permission that the export needs.",
    "Grant the named permission and connect again.",
)
QUOTA_SPENT = _register(
    406,
    "The platform's request quota is spent.",
    "Run again after the quota's reset: the deferred rows go out then.",
)
THROTTLED = _register(
    407,
    "The platform kept asking to slow down.",
    "Run again later: confirmed rows are not sent twice.",
)
REQUEST_REFUSED = _register(
    408,
    "The platform refused a request.",
    "See the reason; correct the mapping or the list's settings and run again.",
)
JOB_UNFINISHED = _register(
    409,
    "An asynchronous job at the platform did not finish before the deadline.",
    "Run again: the job is asked for by its id. Its rows are not sent again until it has ended or is a day old.",
)
JOB_FAILED = _register(
    410,
    "An asynchronous job at the platform ended without success.",
    "Run again; if it fails again, ask the platform's support with the job's id.",
)

ANSWER_UNKNOWN = _register(
    411,
    "The platform gave an answer that this version does not know; it was not taken for success.",
    "Run again; if it comes again, report it with the answer in the summary, which holds no personal data.",
)
NOT_CONNECTED = _register(
    421,
    "The export is not connected to an account yet.",
    "Log in with the target's command `login`, or put credentials into the settings.",
)
LOGIN_FAILED = _register(
    422,
    "The login did not come to an end.",
    "Start it again, and grant access in the browser before the time is up.",
)
LIST_AMBIGUOUS = _register(
    423,
    "Several lists have the name that a setting gives.",
    "Put the id of the one that is meant into `list_id` or `lists`.",
)
LIST_CHANGED = _register(
    424,
    "The name of a list means another list, or none, since the run before: nothing was sent.",
    "Put the list's id into `list_id` or `lists`, or its new name; or set `accept_other_list: true` for one run, if"
    " what the name means now is right.",
)

# 5xx: guards
TOO_MANY_PROFILES = _register(
    501,
    "The export holds more profiles than `max_profiles` allows.",
    "Split the segments over several exports, or raise `max_profiles`.",
)
LIST_BUSY = _register(
    502,
    "Another run is working on the same list.",
    "Wait for it to end; the lock clears by itself when that process ends.",
)
TOO_MANY_REJECTED = _register(
    503,
    "More rows were rejected or invalid than `max_rejected_ratio` allows.",
    "Read rejected.jsonl of the run, correct the source or the mapping, or raise `max_rejected_ratio`.",
)
ROWS_FAILED = _register(
    504,
    "Rows have an unknown or failed outcome.",
    "Run again: what the platform confirmed is not sent twice.",
)
ROWS_DEFERRED = _register(
    505,
    "Rows were left for the next run.",
    "Run again; the summary says why they were left.",
)
ACCOUNTING_BROKEN = _register(
    506,
    "The counts of the run do not add up.",
    "Report it with the summary; it holds no personal data.",
)

EMPTY_SEGMENT = _register(
    507,
    "A segment that had members is empty now, and its members would leave the list.",
    "Check the segment at the source; if it is meant to be empty, set `allow_empty_segment: true` for one run.",
)
MASS_REMOVAL = _register(
    508,
    "More people would leave the list than `max_removal_ratio` allows.",
    "Check that this is the right source for the list, and its segments; if it is meant, raise `max_removal_ratio` for"
    " one run.",
)
REMOVALS_FAILED = _register(
    509,
    "People who are to leave the list are not confirmed to have left it.",
    "Run again: what the platform confirmed is not asked for again.",
)
FORGET_WHOM = _register(
    510,
    "No e-mail address to forget was given on standard input.",
    "Type the address when asked, or pipe it in: `printf %s address | … --forget`; it must not stand in the command.",
)

CONFIRMATION_EMAILS = _register(
    511,
    "The list has confirmed opt-in: an export of new people would send each of them an e-mail.",
    "Choose a list without confirmed opt-in, or set `allow_confirmation_emails: true` if that is meant.",
)

FIELDS_TOO_MANY = _register(
    512,
    "The platform does not take so many custom fields.",
    "Map fewer custom fields, or delete some that nobody needs at the platform.",
)
OPTIONS_TOO_MANY = _register(
    513,
    "A custom field of choices would get very many new options.",
    "Map the column to a text field, or correct the values at the source; nothing was sent.",
)

# 6xx: this machine
LEDGER_UNUSABLE = _register(
    601,
    "The ledger cannot be opened or is damaged.",
    "Restore the file from a backup, or move it away; see docs/operations.md.",
)
DISK_FULL = _register(
    602,
    "The disk is full or not writable where the ledger or the staged rows are.",
    "Make room or correct the rights, then run again: nothing is marked as sent that was not confirmed.",
)
OUTPUT_UNWRITABLE = _register(
    603,
    "The output folder cannot be written.",
    "Check `output_dir` and the rights on it.",
)
STOPPED = _register(
    604,
    "The run was stopped by a signal.",
    "Run again: it goes on where it was stopped.",
)

STATE_UNREAD = _register(
    606,
    "Whatever reads the target's state has ended, so that the state is not kept.",
    "Run again: what the lists hold already is not sent twice.",
)
FILE_BUSY = _register(
    605,
    "Another process holds a file beside the ledger for longer than two minutes.",
    "Wait for that process to end and run again; nothing is damaged.",
)
TOKENS_LOCKED = _register(
    611,
    "The stored tokens are encrypted, or are to be, and cannot be read with the key that there is.",
    "Set `CIX_TOKEN_KEY` to the key that they were encrypted with (several keys with commas between; the first one "
    "encrypts), or delete the file of tokens and connect again.",
)

# 7xx: rows
EMAIL_MISSING = _register(
    701, "The row has no e-mail address.", "Fill the address at the source, or map another column."
)
EMAIL_INVALID = _register(702, "The e-mail address is not valid.", "Correct the address at the source.")
EMAIL_DUPLICATE = _register(
    703,
    "A later row has the same e-mail address; the last row was taken.",
    "Nothing if it is one profile in two segments; else merge the profiles at the source if they are one person.",
)
ROW_TOO_LARGE = _register(
    704,
    "The row alone is larger than the platform accepts.",
    "Map fewer or shorter columns.",
)
ROW_REJECTED = _register(705, "The platform rejected the row.", "See the reason; correct the value at the source.")
PERSON_SUPPRESSED = _register(
    706,
    "The person unsubscribed, bounced or is suppressed at the platform.",
    "Nothing: only the person can subscribe again.",
)
MAY_HAVE_LEFT = _register(
    708,
    "The platform knows the person, the list does not hold them: they may have left it by their own act.",
    "Nothing; or set `readmit: true` for one run if you know that they have not.",
)
LEFT_ALL_SEGMENTS = _register(
    709,
    "The person has left every segment that feeds the list.",
    "Nothing, if that is right; else look at the segments at the source.",
)
VALUE_NOT_KEPT = _register(
    710,
    "A sample was read back, and the platform holds something else than was sent.",
    "Look at the named field at the platform: its type, its options, and whether it still exists.",
)
CONTACT_DELETED = _register(
    711,
    "The contact was deleted at the platform.",
    "Nothing; or restore the contact at the platform if it was deleted by mistake.",
)
ROW_UNCONFIRMED = _register(707, "The platform did not confirm the row.", "Run again: the row is sent again.")

# 9xx: our own faults
UNEXPECTED = _register(
    901,
    "The program met a situation that it was not built for.",
    "Report it with the lines above; they hold no personal data.",
)


class CixError(Exception):
    """An error that a user meets: a code, what happened, and what to do next.

    Args:
        code: The registered situation.
        message: What happened, to which row, batch or setting. Never holds a secret or personal data.
        action: What to do next, where it can be said better than the registry says it.
        in_doubt: Whether the request that failed may have been carried out all the same.
    """

    def __init__(self, code: ErrorCode, message: str, action: str | None = None, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.action = action or code.action
        self.in_doubt = in_doubt

    @property
    def exit_code(self) -> int:
        """What the process ends with: 75 (`EX_TEMPFAIL` of sysexits.h) where only a later run is needed, else 1."""
        return 75 if self.code in {ROWS_DEFERRED, QUOTA_SPENT, THROTTLED, JOB_UNFINISHED, SKIPPED_BUT_NEEDED} else 1

    def __str__(self) -> str:
        """Return the one line that is shown to the user."""
        return f"{self.code.code}: {self.message} What to do: {self.action}"
