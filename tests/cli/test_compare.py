"""One prompt to several models: all at once, each exactly, and one that fails is a row with its error."""

import asyncio
import json
from decimal import Decimal

import pytest
from returns.result import Failure, Success

from llm_manager import LLMConfig, LLMRequest, LLMResponse, Preferences
from llm_manager.cli.compare import Contender, compare, contenders
from llm_manager.cli.output import Output
from llm_manager.cli.session import Session
from llm_manager.testing import Scripted, faults, run_virtual, scripted, scripted_manager
from tests.cli.conftest import Screen

QUESTION = LLMRequest("Which river flows through Lyon?")


def models() -> tuple[Scripted, Scripted, Scripted]:
    """Two that answer and one that cannot."""
    return (
        scripted("The \x1b[31mRhone.", provider="lmstudio", model="small", seconds=2.0),
        scripted("The Rhone and\nthe Saone.", provider="openai", model="large", locality="cloud", seconds=3.0),
        scripted(faults.wrong_key(), provider="groq", model="locked", locality="cloud"),
    )


def compared(
    *asked: Contender, terminal: bool = False, as_json: bool = False, request: LLMRequest = QUESTION
) -> tuple[int, str, str, float]:
    """The exit code, what was written, and the seconds it took."""

    async def run() -> tuple[int, float]:
        async with scripted_manager(*models()) as manager:
            session = Session(manager=manager, config=LLMConfig(), output=output)
            began = asyncio.get_running_loop().time()
            return await compare(session, QUESTION, asked), asyncio.get_running_loop().time() - began

    out, err = Screen(terminal=terminal), Screen(terminal=terminal)
    output = Output(out=out, err=err, json=as_json)
    code, seconds = run_virtual(run())
    return code, out.getvalue(), err.getvalue(), seconds


SMALL, LARGE, LOCKED = Contender(model="small"), Contender(model="large", provider="openai"), Contender(model="locked")


def test_answers_in_a_pipe_are_sections_and_all_are_asked_at_once() -> None:
    code, out, err, seconds = compared(SMALL, LARGE)
    assert code == 0
    assert seconds == pytest.approx(3.0, abs=0.1)
    first, second = out.split("\n\n")
    assert first.splitlines()[:2] == ["== small", "The \x1b[31mRhone."]
    assert second.splitlines()[:3] == ["== openai/large", "The Rhone and", "the Saone."]
    assert second.splitlines()[3].startswith("-- large (openai), 3.0 s, ")
    assert err.startswith("total cost 0.0000")
    assert err.endswith(" USD\n")


def test_one_that_fails_is_a_row_and_the_exit_code() -> None:
    code, out, err, _ = compared(SMALL, LOCKED)
    assert code == 1
    assert "== locked\nerror: " in out
    assert "-- AuthenticationFailed" in out
    assert "The \x1b[31mRhone." in out
    assert "1 of 2 failed" in err


def test_nobody_stands_in_for_another() -> None:
    _, out, _, _ = compared(LOCKED, Contender(provider="groq"), as_json=True)
    told = json.loads(out)
    assert [answer["content"] for answer in told["answers"]] == [None, None]
    assert {answer["error"]["tag"] for answer in told["answers"]} == {"AuthenticationFailed"}
    assert (told["total_usd"], told["unpriced"]) == ("0", 0)


def test_as_a_document() -> None:
    code, out, _, _ = compared(SMALL, LARGE, LOCKED, as_json=True)
    assert code == 1
    told = json.loads(out)
    small, large, locked = told["answers"]
    assert (small["asked"], small["model"], small["error"], small["finish"]) == ("small", "small", None, "stop")
    assert (large["asked"], large["provider"], large["latency_seconds"]) == ("openai/large", "openai", 3.0)
    assert large["usage"]["total_tokens"] > 0
    assert Decimal(told["total_usd"]) == Decimal(small["cost_usd"]) + Decimal(large["cost_usd"])
    assert locked["error"]["message"]


@pytest.mark.parametrize("asked", [(SMALL, LARGE), (SMALL, LARGE, LOCKED)])
def test_on_a_terminal_nothing_is_obeyed(asked: tuple[Contender, ...]) -> None:
    code, out, _, _ = compared(*asked, terminal=True)
    assert "\x1b[31m" not in out
    assert "Rhone" in out
    assert "small" in out
    assert code == (0 if len(asked) == 2 else 1)
    side_by_side = any("small" in line and "large" in line for line in out.splitlines())
    assert side_by_side is (len(asked) == 2), "80 columns hold two panels, and three are stacked"


def test_a_cut_answer_is_no_success_unless_it_was_asked_for() -> None:
    async def run(limit: int | None) -> int:
        cut = scripted(
            LLMResponse(content="The Rh", finish="length", model="small", provider="lmstudio"), provider="lmstudio", model="small"
        )
        async with scripted_manager(cut, scripted("ok", provider="openai", model="large")) as manager:
            output = Output(out=Screen(terminal=False), err=Screen(terminal=False))
            request = LLMRequest("x", preferences=Preferences(max_tokens=limit))
            return await compare(Session(manager=manager, config=LLMConfig(), output=output), request, (SMALL, LARGE))

    assert (run_virtual(run(None)), run_virtual(run(5))) == (1, 0)


@pytest.mark.parametrize(
    ("models_", "providers", "titles"),
    [
        (["a", "b"], [], ["a", "b"]),
        (["a", "b", "a"], ["groq"], ["groq/a", "groq/b"]),
        ([], ["groq", "openai"], ["groq", "openai"]),
        (["a"], [], None),
        (["a", "a"], [], None),
        ([], ["groq"], None),
        ([], [], None),
        (["a", "b"], ["groq", "openai"], None),
        (["a", " "], [], None),
        ([], ["groq", ""], None),
    ],
)
def test_who_takes_part(models_: list[str], providers: list[str], titles: list[str] | None) -> None:
    outcome = contenders(models_, providers)
    if titles is None:
        assert isinstance(outcome, Failure)
    else:
        assert isinstance(outcome, Success)
        assert [each.title for each in outcome.unwrap()] == titles
