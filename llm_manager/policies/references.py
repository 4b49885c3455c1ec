"""What was lately spoken of: files, directories, applications and URLs in the last messages, for words such as "it".

Text is read once from left to right in pieces that cannot overlap, so that no input keeps it busy.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Literal, TypeAlias

from attrs import frozen

from llm_manager.domain.messages import Message

Kind: TypeAlias = Literal["files", "directories", "applications", "urls"]

LAST_MESSAGES: Final = 5
"""How many messages are looked at unless said otherwise."""

_SCANNED: Final = 16_384
_MOST_ITEMS: Final = 1000
_LONGEST: Final = 1024
_QUOTED: Final = re.compile(
    r"`([^`\n]{1,1024})`|\"([^\"\n]{1,1024})\"|(?<!\w)'([^'\n]{1,1024})'(?!\w)|“([^“”\n]{1,1024})”|([^\s\"`“]{1,4096})"
)
_URL: Final = re.compile(r"(?:https?|ftp|file)://[^\s<>\"`]+", re.IGNORECASE)
_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\/]")
_SPEECH: Final = re.compile(r"[/\\.,;:!?]|\s\S+\s+\S+\s+\S+\s")
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9][A-Za-z0-9_-]{0,15}\Z")
_WORDS: Final = re.compile(r"[^\W\d_][\w.+-]*")
_NAME: Final = re.compile(r"[\w.+-]{1,128}\.([A-Za-z0-9]{1,8})")
_USUAL: Final = frozenset(
    re.findall(
        r"\S+",
        """txt md rst pdf doc docx odt rtf xls xlsx ods csv tsv ppt pptx odp json jsonl yaml yml toml ini cfg conf env log xml html htm
    css js ts tsx jsx py ipynb rb rs go c h cpp hpp java kt swift sh bat ps1 sql db sqlite png jpg jpeg gif svg webp bmp mp3 wav flac
    mp4 mkv mov avi zip tar gz bz2 xz 7z iso exe dll deb rpm apk gguf parquet""",
    )
)
_OPENING: Final = "([{<'‘*"
_CLOSING: Final = ".,;:!?)]}>'’*…"
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_VERBS: Final = frozenset({"open", "launch", "start", "run", "close", "quit", "restart", "kill", "switch", "minimize", "maximize", "focus"})
_NO_APPLICATION: Final = frozenset(
    re.findall(
        r"\S+",
        """a an the it that this them my your our its one new old all file files folder folders directory directories document documents
    page pages tab tabs window windows link links url website site app application program programs up down out over again with and or
    in on at from to for into there here everything something anything nothing app's command commands script test tests server away off""",
    )
)
_NAMELESS: Final = frozenset({"the", "my", "your", "our", "to", "up", "app", "application", "program"})


@frozen(kw_only=True)
class References:
    """What was spoken of, each once, the latest first."""

    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


def references(messages: Sequence[Message], *, last: int = LAST_MESSAGES) -> References:
    """Find what the last messages speak of, calls of tools and their results included; of each the first 16 384 characters.

    A path that ends with a slash, or without an extension, is a directory, any other a file; an application is what somebody
    asks to open, start or close. What is inside a URL is no path, and a system prompt is not looked at.

    >>> references([Message(role="user", content="open firefox, then read /etc/hosts.bak and https://example.org/a.html.")])
    References(files=('/etc/hosts.bak',), directories=(), applications=('firefox',), urls=('https://example.org/a.html',))
    """
    found: dict[Kind, dict[str, None]] = {"files": {}, "directories": {}, "applications": {}, "urls": {}}
    for message in reversed(messages[-last:] if last > 0 else ()):
        if message.role == "system":
            continue
        called = " ".join(call.arguments.replace("\\\\", "\\") for call in message.tool_calls)
        said = list(islice(_spoken(f"{message.text} {called}"[:_SCANNED]), _MOST_ITEMS))
        for kind, item in reversed(said):
            found[kind].setdefault(item)
    return References(**{kind: tuple(items) for kind, items in found.items()})


def _spoken(text: str) -> Iterator[tuple[Kind, str]]:
    """Every item of a text with its kind, in order."""
    asked, name = False, ""
    for item, whole, ended in _items(text):
        kind = _kind(item, quoted=whole)
        word = item.casefold()
        named = asked and kind is None and word not in _NO_APPLICATION and (whole or _WORDS.fullmatch(item) is not None)
        if name and not (named and item[:1].isupper() and not whole):
            yield "applications", name
            asked, named, name = False, False, ""
        if kind is not None:
            yield kind, item
        if named:
            name = f"{name} {item}".strip()
        asked = not ended and (word in _VERBS or (asked and (word in _NAMELESS or (named and item[:1].isupper()))))
        if name and not asked:
            yield "applications", name
            name = ""
    if name:
        yield "applications", name


def _items(text: str) -> Iterator[tuple[str, bool, bool]]:
    """Words without the punctuation around them, and what stands in quotes as a whole; whether it was quoted, and ends a clause."""
    for piece in _QUOTED.finditer(text):
        quoted = next((group for group in piece.groups()[:-1] if group is not None), None)
        if quoted is not None and (" " not in quoted.strip() or _is_path(quoted.strip()) or not _SPEECH.search(quoted)):
            yield quoted.strip(), True, False
            continue
        for part in (piece[0] if quoted is None else quoted).split():
            urls = _URL.findall(part)
            for item in urls or (part,):
                yield _bare(item), False, part[-1] in ".,;:!?"


def _bare(word: str) -> str:
    """A word without the punctuation around it; a closing bracket stays when its opening one is inside."""
    start, end = 0, len(word)
    while start < end and word[start] in _OPENING:
        start += 1
    counts = (
        {each: word.count(each, start, end) for each in (*_PAIRS, *_PAIRS.values())} if end > start and word[end - 1] in _CLOSING else {}
    )
    while start < end and (last := word[end - 1]) in _CLOSING:
        if last in _PAIRS and counts[_PAIRS[last]] >= counts[last]:
            break
        if last in counts:
            counts[last] -= 1
        end -= 1
    return word[start:end]


def _kind(item: str, *, quoted: bool) -> Kind | None:
    """What an item is when it is no application; None for a mere word."""
    if not 1 < len(item) <= _LONGEST or not item.isprintable():
        return None
    if "://" in item:
        return "urls" if _URL.fullmatch(item) else None
    if not _is_path(item):
        named = _NAME.fullmatch(item)
        known = named is not None and (quoted or named[1].lower() in _USUAL) and not named[1].isdigit()
        return "files" if known else None
    name = item.replace("\\", "/")
    return "files" if not name.endswith("/") and _EXTENSION.search(name.rsplit("/", 1)[-1][1:]) else "directories"


def _is_path(item: str) -> bool:
    """Say whether it begins like a path, or has a slash and an extension."""
    if item.startswith("//") or "://" in item:
        return False
    if item.startswith(("/", "~/", "./", "../")) or _WINDOWS.match(item):
        return True
    return "/" in item and _EXTENSION.search(item) is not None and " " not in item
