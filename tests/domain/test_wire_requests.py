"""Small questions asked of plain records."""

from typing import get_args

from attrs import evolve

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.errors import AttemptRecord
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.domain.wire_requests import WireReply


def test_a_header_is_found_by_its_lower_case_name() -> None:
    """The first of that name, or none."""
    reply = WireReply(status=200, headers=(("a", "1"), ("b", "2"), ("b", "3")))
    assert (reply.header("b"), reply.header("c")) == ("2", None)


def test_only_an_answer_that_ended_by_itself_is_complete() -> None:
    """Cut by length, or in words not known here, it is not."""
    answer = LLMResponse(content="", model="m", provider="p")
    complete = [evolve(answer, finish=finish).complete for finish in get_args(Finish)]
    assert dict(zip(get_args(Finish), complete, strict=True)) == {
        "stop": True,
        "length": False,
        "tool_calls": True,
        "other": False,
    }


def test_a_ledger_only_grows() -> None:
    """Entering gives another ledger, with one more line at its end."""
    first, second = (AttemptRecord(number=number, step=0, provider="p", model="m", after_seconds=0.0, seconds=1.0) for number in (1, 2))
    empty = Ledger(started=0.0, deadline=9.0)
    full = empty.entered(first).entered(second)
    assert (empty.attempts, full.attempts) == ((), (first, second))
