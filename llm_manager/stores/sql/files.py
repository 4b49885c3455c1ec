"""The file of a store and its folder: readable by their owner alone, whatever the umask."""

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700

_NETWORKS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "fuse.sshfs", "fuse.glusterfs", "ceph", "lustre", "gfs2", "9p"}
)
_MOUNTS: Final = Path("/proc/self/mountinfo")


def make_file(path: Path) -> bool:
    """Make the file, and the folders above it that are not there; say whether it is new. SQLite gives its journals the file's mode."""
    _make_folder(path.parent)
    try:
        made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except FileExistsError:
        return False
    try:
        os.fchmod(made, FILE_MODE)
    finally:
        os.close(made)
    return True


def file_warnings(path: Path) -> Iterator[str]:
    """What is amiss with where it is kept."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if mode & 0o077:
        yield f"{path} may be read by others (its mode is {mode:04o}): chmod 600 {path}"
    network = network_of(path, _MOUNTS)
    if network is not None:
        yield f"{path} is on a network file system ({network}): two machines that use it at once damage it; keep it on a disk of this one"


def driver_warnings(version: tuple[int, int, int] = sqlite3.sqlite_version_info[:3]) -> Iterator[str]:
    """What is amiss with the SQLite that Python brings along."""
    if has_wal_reset_bug(version):
        yield (
            f"SQLite {'.'.join(map(str, version))} can damage a file that several processes write at the same moment. That is very rare, "
            "and is mended in 3.51.3, 3.50.7 and 3.44.6: use a Python with a newer SQLite, or one process at a time"
        )


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """A checkpoint may overlook that the journal was begun anew meanwhile (sqlite.org/wal.html#walresetbug)."""
    mended_within: Mapping[tuple[int, ...], int] = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
    since = mended_within.get(version[:2])
    return (3, 7, 0) <= version < (3, 51, 3) and (since is None or version[2:3] < (since,))


def network_of(path: Path, mounts: Path) -> str | None:
    """The kind of network file system that it is on, where the machine tells."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
        place = path.resolve()
    except OSError:
        return None
    best, kind = "", ""
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5 or not after:
            continue
        at = fields[4].replace("\\040", " ")
        if place.is_relative_to(at) and len(at) >= len(best):
            best, kind = at, after.split()[0]
    return kind if kind in _NETWORKS else None


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    try:
        folder.mkdir(FOLDER_MODE)
    except FileExistsError:  # another process was quicker
        return
    folder.chmod(FOLDER_MODE)
