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

# 2xx: the source
SOURCE_UNREADABLE = _register(
    201,
    "The source folder cannot be read.",
    "Check the path or URL in `folder` and that this user may read it.",
)

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
    """

    def __init__(self, code: ErrorCode, message: str, action: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.action = action or code.action

    def __str__(self) -> str:
        """Return the one line that is shown to the user."""
        return f"{self.code.code}: {self.message} What to do: {self.action}"
