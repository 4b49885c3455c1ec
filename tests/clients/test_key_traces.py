"""A key is found however it is spelled, and nothing else is."""

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.clients.key_traces import without_traces

KEY = 'no+Shape/Known="0123456789_AbCdEfGh'
PIECE = 8
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda key: json.dumps(key)[1:-1],
    "json letter by letter": lambda key: "".join(f"\\u{ord(char):04X}" for char in key),
    "python": lambda key: "".join(f"\\x{ord(char):02x}" for char in key),
    "url": lambda key: quote(key, safe=""),
    "url, small": lambda key: quote(key, safe="").lower() if key.islower() else quote(key, safe=""),
    "form": quote_plus,
    "url letter by letter": lambda key: "".join(f"%{ord(char):02X}" for char in key),
    "html": html.escape,
    "html letter by letter": lambda key: "".join(f"&#{ord(char)};" for char in key),
    "hexadecimal": lambda key: key.encode().hex(),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of a header": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 of a login": lambda key: base64.b64encode(f"user:{key}\n".encode()).decode(),
    "base64 for urls": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "split by spaces": lambda key: " ".join(key[at : at + PIECE] for at in range(0, len(key), PIECE)),
    "split in JSON": lambda key: json.dumps([key[at : at + PIECE] for at in range(0, len(key), PIECE)]),
    "split at odd places": lambda key: "\n".join((key[:9], key[9:20], key[20:])),
}


def pieces(text: str) -> set[str]:
    """Every eight characters in a row."""
    return {text[at : at + PIECE] for at in range(len(text) - PIECE + 1)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", [KEY, "sk-ant-api03-AbCdEf0123456789_-AbCdEf", "0123456789abcdef0123456789abcdef"])
def test_no_piece_of_a_key_is_left(form: str, key: str) -> None:
    spelled = FORMS[form](key)
    shown = without_traces(f"before {spelled} after", key, "[redacted]")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert not pieces(key) & pieces(shown)
    if not form.startswith(("split", "html")):
        assert len(pieces(spelled) & pieces(shown)) <= PIECE, shown


@given(
    st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=16, max_size=60),
    st.sampled_from(sorted(FORMS)),
)
def test_no_piece_of_any_key_is_left(key: str, form: str) -> None:
    shown = without_traces(FORMS[form](key), key, "")
    assert not {piece for piece in pieces(key) if len(set(piece)) > 4} & pieces(shown)


def test_ordinary_words_stay() -> None:
    text = "The key you gave, which ends in ...GhI, is not known. Visit https://example.org/keys%20of%20yours &#39;here&#39; \\u00e9 \\x41."
    assert without_traces(text, KEY, "[redacted]") == text
    assert without_traces("lm-studio is a program", "lm-studio", "*") == "* is a program"
    assert without_traces("abc", "abc", "*") == "abc"
    assert without_traces("", KEY, "*") == ""


@pytest.mark.parametrize("hostile", ["a", "0", "%", "&#", "\\u00", KEY, KEY[:7], "%6e%6f", "no+Shape"])
def test_hostile_texts_take_linear_time(hostile: str) -> None:
    def seconds(length: int) -> float:
        text = hostile * (length // len(hostile))
        took = []
        for _ in range(3):
            began = time.process_time()
            without_traces(text, KEY, "*")
            took.append(time.process_time() - began)
        return min(took)

    assert seconds(20_000) < 0.1
    assert seconds(20_000) < 30 * seconds(2_000) + 0.01
