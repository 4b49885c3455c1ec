"""Nothing that a terminal obeys passes, wherever the text is split."""

import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.policies.printing import Inside, cleaned, escaped, one_line, printable

_HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_pieces = st.sampled_from(
    [
        "\x1b",
        "[",
        "]",
        "0",
        "52;c;",
        "31m",
        "\x07",
        "\x1b\\",
        "\\",
        "P",
        "\x9b",
        "\x9d",
        "\x9c",
        "\n",
        "\t",
        "\r",
        "é",
        "text",
        " ",
        "\u202e",
        "\x7f",
    ]
)
_texts = st.lists(_pieces | st.text(max_size=4), max_size=20).map("".join)


def _shown(chunks: list[str]) -> str:
    inside: Inside = "text"
    shown = []
    for chunk in chunks:
        inside, visible = cleaned(inside, chunk)
        shown.append(visible)
    return "".join(shown)


@given(_texts)
def test_nothing_hostile_passes(text: str) -> None:
    assert _HOSTILE.search(printable(text)) is None


@given(_texts, st.data())
def test_a_split_changes_nothing(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert _shown(chunks) == printable(text)


@given(_texts)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert printable(printable(text)) == printable(text)


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Cf")), max_size=60))
def test_plain_text_passes_unchanged(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[Hhello", "hello"),
        ("\x1b]52;c;ZXZpbA==\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r0m\x1b\\x", "x"),
        ("\x9b31mred\x9b0m", "red"),
        ("\x9d0;title\x9cx", "x"),
        ("\x1bcx", "x"),
        ("\x1b(0x", "x"),
        ("\x1b\x1b[31mx", "x"),
        ("\x1b]0;a\x1b[31mx", "x"),
        ("\x1bé", "é"),
        ("\x1b[31é", "é"),
        ("a\x1b]0;never ended\nnext line", "a\nnext line"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("bell\x07 del\x7f nel\x85", "bell del nel"),
    ],
)
def test_known_sequences(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_every_byte_value_behind_an_escape() -> None:
    """ESC with each byte, alone and inside each kind of sequence, leaves nothing that is obeyed."""
    for start in ("\x1b", "\x1b[", "\x1b]", "\x1bP", "\x9b", "\x9d", "\x1b]0;x\x1b"):
        for value in range(256):
            assert _HOSTILE.search(printable(f"{start}{chr(value)}after\x07")) is None


@given(st.text(max_size=30))
def test_an_escaped_document_reads_the_same(text: str) -> None:
    document = escaped(json.dumps({"text": text}, ensure_ascii=False))
    assert _HOSTILE.search(document) is None
    assert json.loads(document) == {"text": text}


@given(_texts)
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert "\n" not in line
    assert line == line.strip()


@settings(max_examples=1)
@given(st.just("a" * 1_000_000))
def test_plain_text_costs_one_search(text: str) -> None:
    """A million plain characters pass without being looked at one by one."""
    assert printable(text) is text


def test_every_bidi_control_is_known() -> None:
    """The characters left out are all that Unicode counts as bidirectional controls."""
    controls = {"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
    assert {
        chr(code)
        for code in range(0x10000)
        if unicodedata.bidirectional(chr(code)) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    } <= controls
    assert not any(printable(control) for control in controls)


@given(st.text())
def test_one_line_is_one_for_every_reader(text: str) -> None:
    """What any reader takes for a line end is a space."""
    assert len(one_line(text).splitlines()) <= 1
