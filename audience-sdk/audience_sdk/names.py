"""Names of lists in the settings become the platform's ids, once, before anything else uses them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from audience_sdk.errors import LIST_AMBIGUOUS, LIST_CHANGED, LIST_UNKNOWN, CixError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from audience_sdk.destination import PlatformList
    from audience_sdk.directory import Directory, KnownList
    from audience_sdk.settings import Settings

_NEAREST = 3
"""So many names are shown at most to whoever may have misspelt one."""

_LIKE_AN_ID = re.compile(r"[0-9a-fA-F-]{8,}")
"""What looks like an id with a digit too few or too many, on any platform; no list is made that is called so."""


@dataclass
class Names:
    """Finds the lists that settings name.

    Attributes:
        directory: The account's lists. It is asked only if something is no id.
        remembered: Ids by name, as earlier runs have found or made them.
        found: Ids by what the settings say.
        named: Those of them that were found by their name.
        missing: Names of lists that do not exist.
    """

    directory: Directory
    remembered: Mapping[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    _lists: Sequence[KnownList] | None = None

    def look_up(self, texts: Sequence[str]) -> None:
        """Find lists by id, by name, or by name in another case.

        Args:
            texts: What the settings say.

        Raises:
            CixError: `LIST_AMBIGUOUS` if two lists have a name, `LIST_CHANGED` if a name meant another list before.
        """
        for text in texts:
            list_id = self.directory.id_of(text)
            if list_id is None:
                list_id = self._by_name(text)
                self._check_remembered(text, list_id)
                if list_id is not None:
                    self.named[text] = list_id
            if list_id is None:
                self.missing.append(text)
            else:
                self.found[text] = list_id

    def check_new(self, text: str) -> None:
        """Check that a list may be made.

        Args:
            text: Its name, as the settings say it.

        Raises:
            CixError: `LIST_UNKNOWN` if it looks like an id.
        """
        if _LIKE_AN_ID.fullmatch(text.strip()):
            message = f"The account has no list `{text}`, and none is made: it looks like a mistyped id."
            raise CixError(LIST_UNKNOWN, message, "Correct the id; the command `lists` shows them.")

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
            self._lists = self.directory.nameable()
        return self._lists

    def _check_remembered(self, text: str, list_id: str | None) -> None:
        """Check that a name means what it meant before.

        A list that was renamed would be made anew, and with it everybody would be put back who has left it; a list of
        the same name elsewhere would be filled.
        """
        before = self.remembered.get(text)
        if before is None or before == list_id:
            return
        name_now = next((each.name for each in self._all() if each.list_id == before), None)
        if list_id is None and name_now is None:
            return  # it was deleted, and there is no other
        was = f"is called `{name_now}` now" if name_now is not None else "is not in this account any more"
        means = f"; the name means list {list_id} now" if list_id is not None else ""
        raise CixError(LIST_CHANGED, f"`{text}` was list {before}, which {was}{means}.")

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
        named: Ids of lists that were found or made by their names.
        made: Those that were made.
        planned: Lists that a run would make, by their names, which stay in the settings.
    """

    settings: Settings
    named: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    planned: Mapping[str, PlatformList] = field(default_factory=dict)


def resolve(
    settings: Settings,
    directory: Directory,
    remembered: Mapping[str, str] | None = None,
    check: Callable[[PlatformList], None] | None = None,
    *,
    make: bool = True,
) -> Resolved:
    """Put ids in the place of the names of lists, and make those that are missing if the settings ask for that.

    Args:
        settings: The export's settings.
        directory: The account's lists.
        remembered: Ids by name, as earlier runs have found or made them.
        check: Raises what would stop an export to a list, before that is made.
        make: Whether lists are made; else they are planned only.

    Returns:
        The settings to go on with.

    Raises:
        CixError: `LIST_AMBIGUOUS`, `LIST_CHANGED`, `LIST_UNKNOWN`, or what `check` raises.
    """
    names = Names(directory, remembered or {})
    names.look_up(settings.all_lists())
    if names.missing and not settings.create_list:
        raise names.unknown(names.missing[0])
    for name in names.missing:
        names.check_new(name)
    planned = {name: directory.planned_list(name) for name in names.missing}
    if check is not None:
        for each in planned.values():
            check(each)
    if not make:
        return Resolved(with_ids(settings, names.found), names.named, planned=planned)
    made = {name: directory.create_list(name) for name in planned}
    return Resolved(with_ids(settings, {**names.found, **made}), {**names.named, **made}, made)


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
