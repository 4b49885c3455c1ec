"""What the program's output means, however it is cut."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.clients.llama_cpp_cli import hearing
from llm_manager.clients.llama_cpp_cli.hearing import Heard, counted, ended, hear
from llm_manager.clients.telling import Event, begun
from llm_manager.clients.who import Who
from llm_manager.domain.errors import ConfigurationError, LLMError, ModelUnavailable, StreamInterrupted
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import Usage
from llm_manager.testing.laws import streams_lawfully
from tests.clients.llama_cpp_cli.program import COUNTED, ENDED

WHO = Who(provider="llama_cpp_cli", model="small.gguf")


def heard(*chunks: bytes, code: int = 0, complaints: str = "", stops: tuple[str, ...] = ()) -> list[Event]:
    """All events of an output in these chunks."""
    state = Heard(told=begun(wall=0.0), stops=stops)
    events: list[Event] = []
    for chunk in chunks:
        state, news = hear(state, chunk, WHO)
        events.extend(news)
    events.extend(ended(state, code, complaints, WHO))
    return events


def answer(events: Sequence[Event]) -> LLMResponse:
    streams_lawfully(list(events))
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    return last.response


def failure(events: Sequence[Event]) -> LLMError:
    streams_lawfully(list(events))
    last = events[-1]
    assert isinstance(last, Failure)
    return last.failure()


def text(events: Sequence[Event]) -> str:
    return "".join(told.text for event in events if not isinstance(event, Failure) and isinstance(told := event.unwrap(), TextDelta))


@pytest.mark.parametrize(
    ("output", "content", "finish"),
    [
        (f"Paris.{ENDED}", "Paris.", "stop"),
        ("Paris is\n\n", "Paris is", "length"),
        ("a\n\n\n\n", "a\n\n", "length"),
        (f"a\n{ENDED}", "a\n", "stop"),
        (ENDED, "", "stop"),
        ("\n\n", "", "length"),
        (f"\n\nLoading{ENDED}", "\n\nLoading", "stop"),
        (f"it ends with [end of text], you see{ENDED}", "it ends with [end of text], you see", "stop"),
        (f"a [end of text]{ENDED}", "a [end of text]", "stop"),
        (f"Paris.{ENDED}".replace("\n", "\r\n"), "Paris.", "stop"),
    ],
)
def test_an_answer_is_what_stands_before_the_ending(output: str, content: str, finish: str) -> None:
    response = answer(heard(output.encode()))
    assert (response.content, response.finish, response.model) == (content, finish, "small.gguf")
    one_by_one = answer(heard(*(output.encode()[place : place + 1] for place in range(len(output.encode())))))
    assert one_by_one == response


def test_words_are_told_as_they_come() -> None:
    events = heard(b"Par", b"is", b" is", b" big.", ENDED.encode())
    assert [told.text for event in events if isinstance(told := event.unwrap(), TextDelta)] == ["Par", "is", " is", " big."]


def test_letters_cut_in_two_are_put_together() -> None:
    data = f"Küche 🦙{ENDED}".encode()
    assert answer(heard(*(data[place : place + 1] for place in range(len(data))))).content == "Küche 🦙"
    assert answer(heard(b"a\xff\xf0\x9f b", ENDED.encode())).content == "a\ufffd\ufffd b"


def test_the_program_counts_tokens() -> None:
    response = answer(heard(f"Paris.{ENDED}".encode(), complaints=COUNTED))
    assert (response.usage, response.tokens_per_second) == (Usage(input_tokens=27, output_tokens=8), 170.75)
    assert answer(heard(f"Paris.{ENDED}".encode())).usage is None
    older = COUNTED.replace("common_perf_print", "llama_perf_context_print")
    assert counted(older)[0] == Usage(input_tokens=27, output_tokens=8)
    assert counted(COUNTED.replace("170.75", "1.7.5"))[1] is None


@pytest.mark.parametrize("cut", range(1, len(f"Paris.{ENDED}")))
def test_an_output_without_its_ending_is_interrupted(cut: int) -> None:
    """Wherever it is cut, unless what is left has an ending of its own."""
    output = f"Paris.{ENDED}"[:cut]
    if output.endswith("\n\n"):
        return
    error = failure(heard(output.encode()))
    assert isinstance(error, StreamInterrupted)
    assert output.startswith(error.partial)


def test_a_bad_end_after_words_is_an_interruption_and_before_them_its_cause() -> None:
    broken = failure(heard(b"Par", code=-9))
    assert isinstance(broken, StreamInterrupted)
    assert broken.partial == "Par"
    assert isinstance(failure(heard(b"", code=1)), ModelUnavailable)
    assert isinstance(failure(heard(b"\n\n", code=1)), ModelUnavailable)


@pytest.mark.parametrize(
    ("output", "content"),
    [
        (f"one END{ENDED}", "one "),
        ("one END\n\n", "one "),
        ("one ENDED AND MORE" + ENDED, "one "),
        ("END\n\n", ""),
        ("one EN\n\n", "one EN"),
    ],
)
def test_a_stop_word_ends_the_answer_and_is_not_part_of_it(output: str, content: str) -> None:
    for size in (1, 3, 100):
        data = output.encode()
        events = heard(*(data[place : place + size] for place in range(0, len(data), size)), stops=("END", "STOP"))
        response = answer(events)
        assert (response.content, response.finish) == (content, "length" if "EN\n" in output else "stop")


def test_a_program_that_misses_a_stop_word_is_not_waited_for() -> None:
    state = Heard(told=begun(wall=0.0), stops=("END",))
    state, first = hear(state, b"one END", WHO)
    assert not state.told.over
    state, second = hear(state, b"x" * 1000, WHO)
    assert state.told.over
    assert answer([*first, *second]).content == "one "
    assert hear(state, b"y", WHO) == (state, ())
    assert ended(state, 0, "", WHO) == ()
    assert answer(heard(b"one END", code=-9, stops=("END",))).finish == "stop"


@pytest.mark.parametrize("screen", ["\nLoading model... |\b \b/", "\n\nLoading model..."])
def test_the_program_for_people_is_recognised_by_its_screen(screen: str) -> None:
    for chunks in ([screen.encode()], [bytes([byte]) for byte in screen.encode()]):
        error = failure(heard(*chunks))
        assert isinstance(error, ConfigurationError)
        assert "llama-completion" in error.message


def test_output_without_end_is_stopped() -> None:
    half = b"x" * (hearing.LONGEST // 2 + 1)
    error = failure(heard(half, half))
    assert isinstance(error, ModelUnavailable)
    assert not error.resend_helps


outputs = st.lists(
    st.sampled_from([*"a \n\r[e", "END", "EN", " [end of text]", "\n\n", ENDED, "é", "\nLoading model...", "\n\nLoad"])
    | st.text(max_size=3),
    max_size=8,
).map(lambda parts: "".join(parts).encode("utf-8", "replace"))


@given(
    outputs | st.binary(max_size=30),
    st.lists(st.integers(0, 60), max_size=6),
    st.sampled_from([0, 1, -9]),
    st.sampled_from([(), ("END",), ("\n", "é")]),
)
def test_any_output_tells_the_same_however_it_is_cut(output: bytes, cuts: list[int], code: int, stops: tuple[str, ...]) -> None:
    places = sorted({0, len(output), *(cut % (len(output) + 1) for cut in cuts)})
    chunks = [output[start:end] for start, end in pairwise(places)]
    whole, cut = heard(output, code=code, stops=stops), heard(*chunks, code=code, stops=stops)
    streams_lawfully(whole)
    streams_lawfully(cut)
    assert (text(cut), cut[-1]) == (text(whole), whole[-1])
