"""Finding a key of ours in a text, however it is spelled and into whatever pieces of eight characters or more it is split."""

import base64
import re
from collections.abc import Container, Iterable, Iterator
from typing import Final, TypeAlias

_PIECE: Final = 8
"""So many characters in a row of a key, or of a spelling of it, are a trace."""
_WHOLE_ONLY: Final = 16
"""A key shorter than this is looked for whole: pieces of it could be ordinary words."""
_SHORTEST: Final = 6
_MOST_KEY: Final = 4096
_SHORT_TEXT: Final = 200
_ESCAPE: Final = re.compile(
    r"(?:\\{1,4}(?:u00|x)|%(?:25){0,2}|&(?:amp;)?#[xX]0{0,4})(?P<sixteen>[0-9A-Fa-f]{2});?"
    r"|&(?:amp;)?#0{0,4}(?P<ten>[0-9]{2,3});?|&(?P<entity>amp|quot|lt|gt|apos);|\\{1,4}(?P<plain>[\"'/\\])"
)
_ENTITIES: Final = {"amp": "&", "quot": '"', "lt": "<", "gt": ">", "apos": "'"}


def without_traces(text: str, key: str, hidden: str) -> str:
    """Hide a key: as it is, in base64 with anything before it, in hexadecimal, whole or in pieces.

    Its letters may be spelled as in JSON, a URL, HTML or a repr, and that once or twice over.
    """
    key = key.strip()[:_MOST_KEY]
    if len(key) < _SHORTEST:
        return text
    text = text.replace(key, hidden)
    raw = key.encode("utf-8", "surrogatepass")
    plainly = (key, raw.decode("latin-1"))
    pieces = [(each, len(each)) for each in plainly]
    if len(key) >= _WHOLE_ONLY:
        pieces = [(each, _PIECE) for each in (*plainly, raw.hex(), raw.hex().upper(), *_in_base64(raw))]
    found = list(_standing(text, pieces))
    if (read := _read(text)) is not None:
        plain, starts = read
        found += [(starts[start], starts[stop]) for start, stop in _standing(plain, pieces)]
    return _covered(text, found, hidden)


_Pieces: TypeAlias = tuple[str, int]


def _standing(text: str, spelled: Iterable[_Pieces]) -> Iterator[tuple[int, int]]:
    """Where any piece of a spelling stands: all its runs of so many characters."""
    spellings: dict[int, list[str]] = {}
    for each, size in spelled:
        spellings.setdefault(size, []).append(each)
    for size, all_of_size in spellings.items():
        pieces = _pieces(all_of_size, size, short=len(text) < _SHORT_TEXT)
        for at in range(len(text) - size + 1):
            if text[at : at + size] in pieces:
                yield at, at + size


def _pieces(spellings: list[str], size: int, *, short: bool) -> Container[str]:
    """Something that holds every piece: for a short text it is not worth taking the spellings apart."""
    if short:
        return "\0".join(spellings)
    return {each[at : at + size] for each in spellings for at in range(len(each) - size + 1)}


def _read(text: str) -> tuple[str, list[int]] | None:
    """The text with its escapes read, and where each letter began, and the end; None when it has no escapes."""
    letters: list[str] = []
    starts: list[int] = []
    done = 0
    for found in _ESCAPE.finditer(text):
        letters.extend(text[done : found.start()])
        starts.extend(range(done, found.start()))
        letters.append(_meant(found))
        starts.append(found.start())
        done = found.end()
    if not done:
        return None
    letters.extend(text[done:])
    starts.extend(range(done, len(text) + 1))
    return "".join(letters), starts


def _meant(found: "re.Match[str]") -> str:
    kind = found.lastgroup
    said = found[kind or 0]
    if kind == "sixteen":
        return chr(int(said, 16))
    if kind == "ten":
        return chr(int(said))
    return _ENTITIES.get(said, said)


def _in_base64(raw: bytes) -> Iterator[str]:
    """The characters that stand for the key in base64 whatever is before and after it: one spelling for each offset."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw)[(0, 2, 3)[before] :]
        sure = whole[: len(whole) - (0, 3, 2)[(before + len(raw)) % 3]].decode()
        yield sure
        yield sure.replace("+", "-").replace("/", "_")


def _covered(text: str, spans: list[tuple[int, int]], hidden: str) -> str:
    """The text with every stretch of spans hidden; stretches that touch are one."""
    if not spans:
        return text
    kept: list[str] = []
    done, end = 0, -1
    for start, stop in sorted(spans):
        if start > end:
            if end >= 0:
                done = end
            kept.append(text[done:start])
            kept.append(hidden)
        end = max(end, stop)
    kept.append(text[end:])
    return "".join(kept)
