"""What may stand in a header, and nothing that could begin another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.secrets import Secret
from llm_manager.policies.headers import OWN_FIELDS, header_fields, usable_key


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=20), max_size=3))
def test_headers_go_out_byte_for_byte_or_not_at_all(headers: dict[str, str]) -> None:
    outcome = header_fields("p", headers)
    if isinstance(outcome, Success):
        fields = outcome.unwrap()
        assert fields == tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())
        assert not any(byte in name + value for name, value in fields for byte in b"\r\n\x00")


@pytest.mark.parametrize("name", ["X Evil", "X-Evil:", "", "X-É", "X\r\nY", "X\x00"])
def test_a_bad_header_name_is_refused(name: str) -> None:
    assert isinstance(header_fields("p", {name: "1"}), Failure)


@pytest.mark.parametrize("value", ["", " 1", "1 ", "1\r\nX-Evil: 1", "1\n", "1\x00", "é", "a\tb\x7f"])
def test_a_bad_header_value_is_refused(value: str) -> None:
    assert isinstance(header_fields("p", {"X-Title": value}), Failure)


def test_spaces_inside_a_value_are_kept() -> None:
    assert header_fields("p", {"X-Title": "My own app"}) == Success(((b"X-Title", b"My own app"),))


@pytest.mark.parametrize("name", sorted(OWN_FIELDS))
def test_fields_of_the_transport_are_refused(name: str) -> None:
    assert isinstance(header_fields("p", {name.title(): "1"}), Failure)


def test_all_faults_are_told_at_once_and_no_value_is() -> None:
    error = header_fields("p", {"X A": "hunter2", "X-B": "hunter2\r\n", "X-C": "fine"}).failure()
    assert isinstance(error, ConfigurationError)
    assert len(error.faults) == 2
    assert "hunter2" not in repr(error)


@pytest.mark.parametrize("written", ["sk-abc", "sk-abc\n", "sk-abc\r\n"])
def test_a_key_loses_the_line_end_of_its_file(written: str) -> None:
    assert usable_key("p", Secret(written)).unwrap().reveal() == "sk-abc"


@pytest.mark.parametrize("written", ["", "\n", "sk abc", "sk-abc\n\n", "sk-\r\nX-Evil: 1", "sk-é", "\x00"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(written: str) -> None:
    outcome = usable_key("p", Secret(written))
    assert isinstance(outcome, Failure)
    assert "Evil" not in repr(outcome)


@given(st.text(max_size=30))
def test_any_key_is_sent_as_it_is_or_refused(written: str) -> None:
    outcome = usable_key("p", Secret(written))
    if isinstance(outcome, Success):
        assert all(0x21 <= ord(character) <= 0x7E for character in outcome.unwrap().reveal())
        assert written.startswith(outcome.unwrap().reveal())
