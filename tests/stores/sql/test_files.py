"""A store's files are for their owner alone, and what is amiss with where they are is told."""

import logging
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from returns.result import Failure, Success
from sqlalchemy import Connection

from llm_manager.domain.errors import StorageFailed
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.files import driver_warnings, file_warnings, has_wal_reset_bug, network_of

_OPEN = """
import os, sys
os.umask(int(sys.argv[2], 8))
from pathlib import Path
from returns.result import Success
from sqlalchemy import text
from llm_manager.stores.sql.connecting import open_database
database = open_database(sys.argv[1]).unwrap()
made = database.write_now(lambda connection: Success(connection.execute(text("create table more (number integer)")).rowcount))
assert isinstance(made, Success), made
database.read_now(lambda connection: Success(None))
for each in sorted(Path(sys.argv[1]).parent.iterdir()):
    print(each.name, oct(each.stat().st_mode & 0o777))
print(*(oct(each.stat().st_mode & 0o777) for each in (Path(sys.argv[1]).parent, Path(sys.argv[1]).parent.parent)))
"""


@pytest.mark.parametrize("umask", ["000", "022", "077", "777"])
def test_files_and_folders_are_for_their_owner_whatever_the_umask(tmp_path: Path, umask: str) -> None:
    """The journal and its index too."""
    words = [sys.executable, "-c", _OPEN, str(tmp_path / "new" / "folder" / "store.db"), umask]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert ran.stdout.splitlines() == ["store.db 0o600", "store.db-shm 0o600", "store.db-wal 0o600", "0o700 0o700"], ran.stderr


def test_what_is_there_is_left_as_it_is_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its owner may have meant it."""
    path = tmp_path / "store.db"
    opened(path)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        opened(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert f"{path} may be read by others (its mode is 0644): chmod 600 {path}" in caplog.messages


def opened(path: Path) -> Success[None] | Failure[object]:
    database = open_database(str(path)).unwrap()
    outcome = database.write_now(lambda _: Success(None))
    database.close_now()
    return outcome


def test_the_usual_file_has_nothing_amiss(tmp_path: Path) -> None:
    """Nor has one that is not there yet."""
    path = tmp_path / "store.db"
    assert list(file_warnings(path)) == []
    opened(path)
    assert list(file_warnings(path)) == []


def test_the_pragmas_are_in_force_on_every_connection(tmp_path: Path) -> None:
    """WAL, FULL, keys that are obeyed, what is deleted overwritten."""
    database = open_database(str(tmp_path / "store.db")).unwrap()
    asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "trusted_schema", "secure_delete")

    def work(connection: Connection) -> Success[tuple[object, ...]]:
        return Success(tuple(connection.exec_driver_sql(f"pragma {name}").scalar() for name in asked))

    assert database.write_now(work) == database.read_now(work) == Success(("wal", 2, 1, 10_000, 0, 2))
    database.close_now()


MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:35 / /home rw,relatime shared:1 - nfs4 server:/home rw
41 40 8:2 / /home/local rw - ext4 /dev/sdb1 rw
42 22 0:36 / /mnt/with\\040space rw - cifs //server/share rw
nonsense
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/home/ada/store.db", "nfs4"),
        ("/home/local/store.db", None),
        ("/mnt/with space/store.db", "cifs"),
        ("/var/store.db", None),
        ("/homes/store.db", None),
    ],
)
def test_a_network_file_system_is_found(tmp_path: Path, place: str, kind: str | None) -> None:
    """The nearest mount counts."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert network_of(Path(place), mounts) == kind


def test_without_a_list_of_mounts_nothing_is_said(tmp_path: Path) -> None:
    """As on systems that have none."""
    assert network_of(tmp_path, tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
        ((3, 53, 1), False),
    ],
)
def test_which_versions_have_the_reset_bug(version: tuple[int, int, int], has: bool) -> None:
    """From 3.7.0 on, until it was mended in 3.51.3 and two older lines."""
    assert has_wal_reset_bug(version) is has
    assert bool(list(driver_warnings(version))) is has


def test_those_who_listen_are_told_of_the_driver(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once for each opening."""
    with caplog.at_level(logging.WARNING, "llm_manager.stores.sql.connecting.driver"):
        opened(tmp_path / "store.db")
    told = [message for message in caplog.messages if message.startswith("SQLite ")]
    assert len(told) == has_wal_reset_bug(sqlite3.sqlite_version_info[:3])


@pytest.fixture
def stranger() -> Iterator[None]:
    """Nobody in particular for a while: root may do everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_what_may_not_be_written_is_told_in_words(tmp_path: Path, stranger: None) -> None:
    """The folder's, and the file's."""
    refused = opened(tmp_path / "store.db") if os.geteuid() == 65534 else opened(Path("/proc/store.db"))
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, StorageFailed)
    assert error.reason in ("denied", "missing")


@pytest.mark.parametrize("content", [b"this is a text\n" * 100, b"SQLite format 3\0" + b"\xff" * 4080], ids=["text", "garbage"])
def test_what_is_no_database_is_told_in_words_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """It may be precious."""
    path = tmp_path / "store.db"
    path.write_bytes(content)
    refused = opened(path)
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, StorageFailed)
    assert error.reason == "corrupt"
    assert str(path) in error.message
    assert path.read_bytes() == content


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """It is told, not raised."""
    assert isinstance(opened(tmp_path), Failure)


def test_a_full_disk_is_told_in_words(tmp_path: Path) -> None:
    """SQLite's own refusal, by a limit on pages; what was kept is still there."""
    database = open_database(str(tmp_path / "store.db")).unwrap()

    def fill(connection: Connection) -> Success[None]:
        connection.exec_driver_sql("create table if not exists much (body blob)")
        pages = connection.exec_driver_sql("pragma page_count").scalar_one()
        connection.exec_driver_sql(f"pragma max_page_count={pages + 4}")
        connection.exec_driver_sql("insert into much values (zeroblob(1000000))")
        return Success(None)

    refused = database.write_now(fill)
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, StorageFailed)
    assert error.reason == "full"
    assert "no room left" in error.message
    assert database.write_now(lambda _: Success(1)) == Success(1)
    database.close_now()
