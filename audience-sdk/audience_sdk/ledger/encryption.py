"""Tokens at rest: sealed with keys from the environment, or written as they are if there is none."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

from audience_sdk.errors import TOKENS_LOCKED, CixError

KEY_VARIABLE = "CIX_TOKEN_KEY"
"""Fernet keys with commas between them. The first one encrypts, all of them decrypt, so that a key can be replaced."""


class Seal:
    """Writes values as text and reads them again.

    Args:
        keys: Fernet keys with commas between; without any, values are written as JSON.

    Raises:
        CixError: `TOKENS_LOCKED` if a key is none, or the library that encrypts is not installed.
    """

    def __init__(self, keys: str = "") -> None:
        self._fernets = _fernets([key.strip() for key in keys.split(",") if key.strip()])

    @classmethod
    def of_environment(cls) -> Seal:
        """Return the seal of this process's environment."""
        return cls(os.environ.get(KEY_VARIABLE, ""))

    def write(self, values: dict[str, Any]) -> str:
        """Return values as the text to store.

        Args:
            values: What JSON can hold.
        """
        text = json.dumps(values)
        return self._fernets[0].encrypt(text.encode()).decode() if self._fernets else text

    def read(self, text: str) -> tuple[dict[str, Any], bool]:
        """Return the values of a stored text.

        Args:
            text: What `write` returned, perhaps with other keys or none.

        Returns:
            The values, and whether they should be written anew: they are not sealed with the first key.

        Raises:
            CixError: `TOKENS_LOCKED` if no key opens it.
        """
        if text.startswith("{"):
            return json.loads(text), bool(self._fernets)
        if not self._fernets:
            raise CixError(TOKENS_LOCKED, f"The stored tokens are encrypted, and `{KEY_VARIABLE}` is not set.")
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - an extra, here only if keys are set

        for number, fernet in enumerate(self._fernets):
            with suppress(InvalidToken):
                return json.loads(fernet.decrypt(text.encode())), number > 0
        raise CixError(TOKENS_LOCKED, f"No key in `{KEY_VARIABLE}` opens the stored tokens.")


def _fernets(keys: list[str]) -> list[Any]:
    if not keys:
        return []
    try:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - an extra, needed only if keys are set
    except ImportError as error:
        message = f"`{KEY_VARIABLE}` is set, and the library that encrypts is not installed."
        raise CixError(TOKENS_LOCKED, message, "Install the target with its extra `encryption`.") from error
    try:
        return [Fernet(key) for key in keys]
    except ValueError as error:
        message = f"`{KEY_VARIABLE}` holds something that is no Fernet key: 32 bytes in URL-safe base64."
        raise CixError(TOKENS_LOCKED, message) from error
