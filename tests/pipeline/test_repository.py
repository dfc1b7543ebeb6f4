"""The repository keeps no address of a registry, no path of a machine, and none of its promises in the air."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from meltano_project import ROOT, repository_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCKS = ("requirements.lock", "requirements-bootstrap.lock")
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:work/|root/\.|home/\w+/|Users/\w+/|tmp/pytest)")
REGISTRY = re.compile("|".join(map(re.escape, ("py" + "pi.org", "python" + "hosted.org"))))


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file of the repository."""
    for path in repository_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode("utf-8", "replace")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_has_versions_and_hashes_and_no_address(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert [line for line in lines if "://" in line or "index-url" in line or "find-links" in line] == []
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert pinned
    assert [line for line in pinned if not re.match(r"[\w.\[\],-]+==[\w.]+", line)] == []
    assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)


def test_no_file_names_a_path_of_a_machine_or_a_package_registry() -> None:
    found = [
        f"{path}: {match[0]}"
        for path, text in texts()
        for pattern in (MACHINE_PATH, REGISTRY)
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_only_made_up_people_stand_in_the_repository() -> None:
    address = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})\b")
    made_up = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid)$", re.IGNORECASE)
    found = [
        f"{path}: {match[0]}"
        for path, text in texts()
        if path.suffix in {".csv", ".json", ".singer", ".md", ".yml"}
        for match in address.finditer(text)
        if not made_up.search(match[1])
    ]
    assert found == []


def test_every_package_says_that_it_is_typed() -> None:
    packages = {path.parent for path in repository_files() if path.name == "__init__.py" and len(path.parts) == 3}
    top = [path for path in packages if (ROOT / path.parent / "pyproject.toml").exists()]
    assert len(top) == 5
    assert [str(path) for path in top if not (ROOT / path / "py.typed").exists()] == []
