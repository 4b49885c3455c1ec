"""A secret is used and never shown."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.secrets import Secret

CANARY = "sk-canary-55aa"


SHOWN: Mapping[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": format,
    "braces": "{}".format,
    "padded": "{!r:>80}".format,
    "percent": lambda key: "%s %r" % (key, key),  # noqa: UP031 - one of the ways
    "f-string": lambda key: f"{key:>40}",
    "within a list": lambda key: repr([key]),
    "within a dict": lambda key: str({"key": key}),
}


@pytest.mark.parametrize("way", SHOWN)
def test_no_text_form_tells_it(way: str) -> None:
    """Every way to text gives the fingerprint."""
    told = SHOWN[way](Secret(CANARY))
    assert CANARY not in told
    assert "Secret(" in told


def test_settings_do_not_tell_it() -> None:
    """Not through attrs, nested or as a dict of values."""
    config = LLMConfig(providers={"openai": ProviderSettings(api_key=Secret(CANARY))})
    assert CANARY not in repr(config)
    assert CANARY not in str(attrs.asdict(config))
    assert CANARY not in repr(attrs.astuple(config))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    """Neither alone nor within something else."""
    for value in (Secret(CANARY), [Secret(CANARY)], ProviderSettings(api_key=Secret(CANARY))):
        with pytest.raises(TypeError) as refusal:
            pickle.dumps(value, protocol)
        assert CANARY not in str(refusal.value)


def test_it_is_not_json() -> None:
    """JSON refuses it; a default that prints tells nothing."""
    with pytest.raises(TypeError):
        json.dumps({"key": Secret(CANARY)})
    assert CANARY not in json.dumps({"key": Secret(CANARY)}, default=str)
    assert CANARY not in json.dumps({"key": Secret(CANARY)}, default=repr)


def test_copies_are_the_same_secret() -> None:
    """Copying neither fails nor shows it."""
    key = Secret(CANARY)
    assert copy.copy(key) is key
    assert copy.deepcopy({"key": key})["key"] is key


def test_a_traceback_with_locals_does_not_tell_it() -> None:
    """Tools that print local variables print the fingerprint."""

    def fail(key: Secret) -> None:
        raise ValueError(f"bad key {key}")

    try:
        fail(Secret(CANARY))
    except ValueError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        frame = [line for line in told.splitlines() if "key =" in line]
        assert frame
        assert all(CANARY not in line for line in frame)
        assert CANARY not in str(error)


def test_logs_do_not_tell_it(caplog: pytest.LogCaptureFixture) -> None:
    """Nor do logs, as argument or as record."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("key %s %r", Secret(CANARY), {"key": Secret(CANARY)})
    assert CANARY not in caplog.text


def test_it_has_no_attribute_to_print() -> None:
    """``vars`` and ``dir`` lead nowhere by accident."""
    key = Secret(CANARY)
    assert not hasattr(key, "__dict__")
    assert not hasattr(key, "value")


@given(st.text(), st.text())
def test_equality_is_of_values(left: str, right: str) -> None:
    """Equal secrets are equal, with equal hashes and fingerprints; any text has one."""
    one, other = Secret(left), Secret(right)
    assert (one == other) is (left == right)
    assert one == Secret(left)
    assert hash(one) == hash(Secret(left))
    assert one.fingerprint == Secret(left).fingerprint
    assert one != left
    assert bool(one) is bool(left)
    assert one.reveal() == left


def test_a_fingerprint_is_short_and_of_any_text() -> None:
    """Eight hexadecimal digits, even for a text that is not Unicode."""
    assert len(Secret(CANARY).fingerprint) == 8
    assert len(Secret("\ud800").fingerprint) == 8
    assert Secret("\ud800") == Secret("\ud800")
