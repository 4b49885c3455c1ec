"""Ids are data: none is ever a path, and what is exported goes where it was said and nowhere else."""

import asyncio
import os
import re
import sys
import threading
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.cli.conversations.moving import export_conversations
from llm_manager.cli.export_targets import file_name_for, write_target
from llm_manager.cli.output import Output
from llm_manager.cli.session import Session
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.conversations import Turn
from llm_manager.domain.messages import Message
from llm_manager.effects import settle
from llm_manager.stores.conversations.keeping import kept_conversations
from llm_manager.stores.sql.database import Database
from llm_manager.testing import scripted, scripted_manager

if sys.platform == "win32":
    pytest.skip("needs POSIX links", allow_module_level=True)

HOSTILE = (
    "../up", "../../../../etc/passwd", "/absolute", "a/b", "a\\..\\b", ".", "..", "", "nul\x00byte", "CON", "con", "LPT1", "x" * 300,
    "\u202etxt.exe", "-rf", "~root", "$(id)", "line\nend", "half \ud800", "%2e%2e%2f", "C:\\x", "a" * 64, "A" * 64, "a" * 65,
    ".hidden", "\u2025/\u2025",
)  # fmt: skip
"""Ids that would be paths, devices, options or tricks, were they names of files."""

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\.md")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_id_is_a_name(name: str) -> None:
    assert _SAFE.fullmatch(file_name_for(name, ".md"))


@given(st.text(), st.text())
def test_any_id_has_a_name_of_its_own(one: str, other: str) -> None:
    assert _SAFE.fullmatch(file_name_for(one, ".md"))
    assert (file_name_for(one, ".md") == file_name_for(other, ".md")) == (one == other)


def test_hostile_ids_are_kept_and_exported_within_their_folder(database: Database, tmp_path: Path) -> None:
    storage = kept_conversations(database, lambda: 0.0)
    root = tmp_path / "deep" / "out"
    root.parent.mkdir()
    before = sorted(tmp_path.rglob("*"))

    async def export() -> int:
        for number, name in enumerate(HOSTILE):
            turn = Turn(messages=(Message(role="user", content=f"said in {number}"),))
            assert await settle(storage.append(name, turn, 0)) == Success(1)
        session = Session(manager=scripted_manager(scripted("ok")), config=LLMConfig(), output=Output(out=StringIO(), err=StringIO()))
        return await export_conversations(session, storage, (), to=f"{root}/", form="markdown", overwrite=False)

    assert asyncio.run(export()) == 0
    written = list(root.iterdir())
    assert len(written) == len(HOSTILE)
    assert {path.read_text("utf-8").partition("said in ")[2].strip() for path in written} == {f"{number}" for number in range(len(HOSTILE))}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in written)
    new = [path for path in sorted(tmp_path.rglob("*")) if path not in before and root not in (path, *path.parents)]
    assert [path for path in new if not path.name.startswith("store-")] == []


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_nothing_but_a_file_is_written_to(tmp_path: Path, kind: str, overwrite: bool) -> None:
    victim, target = tmp_path / "victim", tmp_path / "target"
    if kind == "link":
        victim.write_text("precious")
        target.symlink_to(victim)
    elif kind == "dangling":
        target.symlink_to(victim)
    elif kind == "folder":
        target.mkdir()
    else:
        os.mkfifo(target)
    assert isinstance(write_target(target, "mine", overwrite=overwrite), Failure)
    assert not victim.exists() or victim.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({"target"} | ({"victim"} if victim.exists() else set()))


@pytest.mark.parametrize("name", ["a\x00b", "x" * 300, "missing/x"])
def test_what_cannot_be_a_file_is_a_failure(tmp_path: Path, name: str) -> None:
    assert isinstance(write_target(tmp_path / name, "mine", overwrite=False), Failure)
    assert isinstance(write_target(tmp_path / name, "mine", overwrite=True), Failure)


def test_a_file_is_replaced_only_when_that_was_said(tmp_path: Path) -> None:
    target = tmp_path / "talk.md"
    assert write_target(target, "one", overwrite=False) == Success(None)
    assert isinstance(write_target(target, "two", overwrite=False), Failure)
    assert target.read_text() == "one"
    assert write_target(target, "two \ud800", overwrite=True) == Success(None)
    assert target.read_text() == "two \\ud800"
    assert [path.name for path in tmp_path.iterdir()] == ["talk.md"]
    assert target.stat().st_mode & 0o777 == 0o600


def test_no_race_of_links_leads_elsewhere(tmp_path: Path) -> None:
    """Somebody swaps the target for a link, and back, as fast as can be."""
    victim, target, over = tmp_path / "victim", tmp_path / "out" / "talk.md", threading.Event()
    victim.write_text("precious")
    target.parent.mkdir()

    def swap() -> None:
        while not over.is_set():
            with suppress(OSError):
                target.symlink_to(victim)
            with suppress(OSError):
                target.unlink()

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for number in range(300):
            write_target(target, "mine", overwrite=number % 2 == 0)
            assert victim.read_text() == "precious"
    finally:
        over.set()
        swapping.join()
    assert not victim.is_symlink()
