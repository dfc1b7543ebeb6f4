"""Names of lists in the settings become the platform's ids, once, before anything else uses them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from audience_sdk.errors import LIST_AMBIGUOUS, LIST_UNKNOWN, CixError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from audience_sdk.destination import PlatformList
    from audience_sdk.directory import Directory, KnownList
    from audience_sdk.settings import Settings

_NEAREST = 3
"""So many names are shown at most to whoever may have misspelt one."""


@dataclass
class Names:
    """Finds the lists that settings name.

    Attributes:
        directory: The account's lists. It is asked only if something is no id.
        found: Ids by what the settings say.
        missing: Names of lists that do not exist.
    """

    directory: Directory
    found: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    _lists: Sequence[KnownList] | None = None

    def look_up(self, texts: Sequence[str]) -> None:
        """Find lists by id, by name, or by name in another case.

        Args:
            texts: What the settings say.

        Raises:
            CixError: `LIST_AMBIGUOUS` if two lists have a name.
        """
        for text in texts:
            list_id = self.directory.id_of(text) or self._by_name(text)
            if list_id is None:
                self.missing.append(text)
            else:
                self.found[text] = list_id

    def unknown(self, text: str) -> CixError:
        """Return the error for a name that no list has.

        Args:
            text: What the settings say.
        """
        by_folded = {each.name.casefold(): each.name for each in self._all()}
        close = difflib.get_close_matches(text.casefold(), by_folded, n=_NEAREST, cutoff=0.5)
        near = " or ".join(f"`{by_folded[name]}`" for name in close)
        asked = f" (did you mean {near}?)" if near else ""
        return CixError(LIST_UNKNOWN, f"The account has no list named `{text}`{asked}.")

    def _all(self) -> Sequence[KnownList]:
        if self._lists is None:
            self._lists = self.directory.lists()
        return self._lists

    def _by_name(self, text: str) -> str | None:
        folded = text.strip().casefold()
        ways: tuple[Callable[[KnownList], bool], ...] = (
            lambda each: each.list_id == text,
            lambda each: each.name == text,
            lambda each: each.name.strip().casefold() == folded,
        )
        for fits in ways:
            fitting = [each for each in self._all() if fits(each)]
            if len(fitting) > 1:
                raise CixError(LIST_AMBIGUOUS, f"Several lists are named `{text}`: {_shown(fitting)}.")
            if fitting:
                return fitting[0].list_id
        return None


@dataclass(frozen=True)
class Resolved:
    """What became of the lists that settings name.

    Attributes:
        settings: The settings, with ids in the place of names.
        made: Ids of lists that were made, by their names.
        planned: Lists that a run would make, by their names, which stay in the settings.
    """

    settings: Settings
    made: Mapping[str, str] = field(default_factory=dict)
    planned: Mapping[str, PlatformList] = field(default_factory=dict)


def resolve(settings: Settings, directory: Directory) -> Resolved:
    """Put ids in the place of the names of lists, and make those that are missing if the settings ask for that.

    Args:
        settings: The export's settings; in a dry run nothing is made.
        directory: The account's lists.

    Returns:
        The settings to go on with.

    Raises:
        CixError: `LIST_AMBIGUOUS` or `LIST_UNKNOWN`.
    """
    names = Names(directory)
    names.look_up(settings.all_lists())
    if names.missing and not settings.create_list:
        raise names.unknown(names.missing[0])
    if settings.dry_run:
        planned = {name: directory.planned_list(name) for name in names.missing}
        return Resolved(with_ids(settings, names.found), planned=planned)
    made = {name: directory.create_list(name) for name in names.missing}
    return Resolved(with_ids(settings, {**names.found, **made}), made=made)


def with_ids(settings: Settings, ids: Mapping[str, str]) -> Settings:
    """Return settings with ids in the place of names.

    Args:
        settings: The export's settings.
        ids: Ids by what the settings say; what is not there stays.
    """
    default = settings.default_list
    return replace(
        settings,
        default_list=ids.get(default, default) if default else None,
        lists={
            segment: tuple(dict.fromkeys(ids.get(text, text) for text in texts))
            for segment, texts in settings.lists.items()
        },
    )


def _shown(lists: Sequence[KnownList]) -> str:
    return ", ".join(f"{each.list_id}{f' of {each.owner}' if each.owner else ''}" for each in lists)
