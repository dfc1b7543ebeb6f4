"""What an account at a platform holds: its name, what the connection may do, its lists and their fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from audience_sdk.destination import CustomField, PlatformList


@dataclass(frozen=True)
class Account:
    """The account that a connection opens.

    Attributes:
        name: How its owner knows it.
        account_id: The platform's id of it, where there is one.
        permissions: What the connection may do, in the platform's words; None where the platform does not say.
        missing: What an export needs of that and the connection lacks.
        requests_left: Requests left today, as far as this machine has counted, where there is a daily bound.
    """

    name: str
    account_id: str | None = None
    permissions: Sequence[str] | None = None
    missing: Sequence[str] = ()
    requests_left: int | None = None


@dataclass(frozen=True)
class KnownList:
    """A list of the account.

    Attributes:
        list_id: The platform's id.
        name: The name that people know it by.
        owner: Whose list it is, where an account is divided.
    """

    list_id: str
    name: str
    owner: str | None = None


class Directory(ABC):
    """Looks up what an account holds. Every method raises `CixError` if the platform refuses it.

    Attributes:
        shared_fields: Whether all lists have the same custom fields.
        place: Names the connection, and the part of the account, in which a list's name means one list; no secret.
    """

    shared_fields: ClassVar[bool] = False
    place: str = ""

    @abstractmethod
    def account(self) -> Account:
        """Return the account."""

    @abstractmethod
    def lists(self) -> Sequence[KnownList]:
        """Return every list of the account."""

    def nameable(self) -> Sequence[KnownList]:
        """Return the lists that a name in the settings can mean: every list, unless a setting narrows that."""
        return self.lists()

    @abstractmethod
    def sizes(self, list_ids: Collection[str]) -> dict[str, int]:
        """Return how many people are on lists in a state in which they are mailed.

        Args:
            list_ids: The lists.
        """

    @abstractmethod
    def custom_fields(self, list_id: str | None) -> Sequence[CustomField]:
        """Return the custom fields that people can have.

        Args:
            list_id: The list; None for what all lists share.
        """

    @abstractmethod
    def id_of(self, text: str) -> str | None:
        """Return the id that a text is, in the platform's own spelling, or None if it has no form of an id.

        Args:
            text: As the user wrote it.
        """

    @abstractmethod
    def create_list(self, name: str) -> str:
        """Make a list.

        Args:
            name: Its name.

        Returns:
            Its id.
        """

    @abstractmethod
    def planned_list(self, name: str) -> PlatformList:
        """Return a list as `create_list` would make it; nothing is written.

        Args:
            name: Its name, which stands for the id too.
        """
