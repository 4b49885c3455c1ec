"""Windows and the Linux inside it (WSL): who is where, and what a path is called on the other side; pure."""

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Manner: TypeAlias = Literal["plain", "inside_wsl", "through_wsl"]
"""``plain``: program and paths as they are. ``inside_wsl``: we are in WSL, paths may be Windows' own. ``through_wsl``: we are
on Windows, the program is in WSL and is started by ``wsl.exe``."""

_DRIVE: Final = re.compile(r"([A-Za-z]):(?:[\\/]|\Z)(.*)", re.DOTALL)
_MOUNTED: Final = re.compile(r"/mnt/([a-z])(?:/(.*))?", re.DOTALL)
_SHARED: Final = re.compile(r"\\\\(?:wsl\$|wsl\.localhost)\\[^\\]+(.*)", re.DOTALL | re.IGNORECASE)


def is_wsl(kernel: str, environ: Mapping[str, str]) -> bool:
    """Say whether this is a Linux inside Windows, by the text of ``/proc/version`` and the environment.

    >>> is_wsl("Linux version 5.15.90.1-microsoft-standard-WSL2", {}), is_wsl("Linux version 6.1.0-13-amd64", {})
    (True, False)
    """
    return "microsoft" in kernel.lower() or "WSL_DISTRO_NAME" in environ or "WSL_INTEROP" in environ


def manner(*, windows: bool, kernel: str, environ: Mapping[str, str], asked: bool | None, program: str) -> Manner:
    """How the program is to be started; ``asked`` is what settings say of WSL, None leaves it to be found out."""
    if asked is False:
        return "plain"
    if windows:
        return "through_wsl" if asked or program.startswith("/") else "plain"
    return "inside_wsl" if asked or is_wsl(kernel, environ) else "plain"


def to_linux(path: str) -> str:
    r"""The path as WSL calls it; a path that is none of Windows' stays as it is.

    >>> to_linux("D:\\models\\x.gguf"), to_linux("C:/x"), to_linux("/home/me")
    ('/mnt/d/models/x.gguf', '/mnt/c/x', '/home/me')
    """
    shared = _SHARED.fullmatch(path)
    if shared is not None:
        return shared[1].replace("\\", "/") or "/"
    drive = _DRIVE.fullmatch(path)
    if drive is None:
        return path
    inside = drive[2].replace("\\", "/").lstrip("/")
    return f"/mnt/{drive[1].lower()}" + (f"/{inside}" if inside else "")


def to_windows(path: str) -> str:
    r"""The path as Windows calls it; a path that is on none of its drives stays as it is.

    >>> to_windows("/mnt/d/models/x.gguf"), to_windows("/home/me")
    ('D:\\models\\x.gguf', '/home/me')
    """
    mounted = _MOUNTED.fullmatch(path)
    if mounted is None:
        return path
    return f"{mounted[1].upper()}:\\" + (mounted[2] or "").replace("/", "\\")


def seen_here(path: str, how: Manner) -> str:
    """The path as this process must call it."""
    match how:
        case "plain":
            return path
        case "inside_wsl":
            return to_linux(path)
        case "through_wsl":
            return to_windows(path)


def seen_by_program(path: str, how: Manner) -> str:
    """The path as the program must call it."""
    return path if how == "plain" else to_linux(path)
