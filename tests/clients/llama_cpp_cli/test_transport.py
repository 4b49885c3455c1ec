"""The client over a program that says what a test wants, in a process of its own."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.llama_cpp_cli.codec import FIXED
from llm_manager.clients.llama_cpp_cli.places import Machine
from llm_manager.clients.llama_cpp_cli.running import passed_on
from llm_manager.clients.llama_cpp_cli.transport import make_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import (
    ConfigurationError,
    ContextTooLarge,
    LLMError,
    ModelUnavailable,
    RequestTimeout,
    StreamInterrupted,
)
from llm_manager.domain.models import FREE, ModelProfile
from llm_manager.domain.requests import AnyJson, LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import Usage
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing.laws import streams_lawfully
from tests.clients.llama_cpp_cli.program import COUNTED, ENDED, Program, alive, no_transport

HELLO = LLMRequest("Hello?")


def says(text: str, ending: str = ENDED) -> dict[str, Any]:
    return {"out": text + ending}


async def asked(client: ModelClient, request: LLMRequest = HELLO) -> Settled[LLMResponse, LLMError]:
    return await settle(client.generate(request))


async def error_of(client: ModelClient, request: LLMRequest = HELLO) -> LLMError:
    outcome = await asked(client, request)
    assert isinstance(outcome, Failure)
    return outcome.failure()


async def until(true: Callable[[], bool]) -> None:
    """Wait for another process, which has no event to wait for."""
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in 20 seconds")


async def begun(program: Program) -> dict[str, Any]:
    """The program's own word that it runs."""
    await until(lambda: bool(program.told()))
    return program.told()[-1]


async def gone(*pids: int) -> None:
    """Wait until none of the processes runs."""
    await until(lambda: not any(alive(pid) for pid in pids))


def left_behind(folder: Path) -> list[str]:
    return [file.name for file in folder.glob("llm-manager-*")]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


async def test_an_answer_with_its_tokens_its_speed_and_no_price(tmp_path: Path) -> None:
    program = Program(tmp_path, {"err": COUNTED}, says("Good day."))
    response = (await asked(program.client())).unwrap()
    assert (response.content, response.finish, response.model, response.provider) == ("Good day.", "stop", "small.gguf", "llama_cpp_cli")
    assert (response.usage, response.tokens_per_second) == (Usage(input_tokens=27, output_tokens=8), 170.75)
    assert str(response.cost).startswith("Priced(usd=Decimal('0')")


async def test_the_texts_go_by_files_that_nobody_else_can_read(tmp_path: Path, scratch: Path) -> None:
    """And are gone afterwards; nothing of them is a word of the command, and standard input is empty."""
    prompt = "-m /etc/passwd $(reboot) `x`\n\r\n\\n 🦙\n"
    program = Program(tmp_path, says("ok"))
    client = program.client(threads=1, gpu_layers=999, flash_attention=True, special_flags=("--jinja",))
    await asked(client, LLMRequest(prompt, system="--log-file x", output=AnyJson(), preferences=Preferences(stop=("--verbose",))))
    (told,) = program.told()
    assert told["files"] == {"-f": prompt + "\n", "-sysf": "--log-file x\n", "--json-schema-file": '{"type":"object"}'}
    assert set(map(tuple, told["modes"].values())) == {(0o600, 0o700)}
    assert told["stdin"] == ""
    names = [told["argv"][place + 1] for place, word in enumerate(told["argv"]) if word in ("-sysf", "--json-schema-file", "-f")]
    model = str((program.models / "small.gguf").resolve())
    flags = ["-t", "1", "-ngl", "999", "-fa", "on", "--jinja", "-r", "--verbose"]
    assert told["argv"] == ["-m", model, *FIXED, *flags, "-sysf", names[0], "--json-schema-file", names[1], "-f", names[2]]
    assert left_behind(scratch) == []


async def test_the_program_is_told_nothing_that_it_need_not_know(tmp_path: Path) -> None:
    program = Program(tmp_path, says("ok"))
    environ = {"PATH": "/bin", "OPENAI_API_KEY": "sk-canary", "LLAMA_ARG_MODEL": "/x", "CUDA_VISIBLE_DEVICES": "0", "LC_ALL": "C.UTF-8"}
    await asked(program.client(environ))
    kept = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "0", "LC_ALL": "C.UTF-8"}
    assert passed_on(environ) == kept
    assert {name: program.told()[0]["environ"].get(name) for name in environ} == {**dict.fromkeys(environ), **kept}


async def test_a_stream_is_the_same_answer_in_pieces(tmp_path: Path) -> None:
    program = Program(tmp_path, {"out": "Good"}, {"bytes": [0xC3]}, {"bytes": [0xA9]}, {"out": " day."}, {"out": ENDED})
    events = [sealed(event) async for event in program.client().stream(HELLO)]
    streams_lawfully(events)
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    assert last.response.content == "Goodé day."
    assert last.response.time_to_first_token_seconds is not None
    whole = (await asked(program.client())).unwrap()
    assert (whole.content, whole.finish) == (last.response.content, last.response.finish)


async def test_an_answer_cut_by_its_length_is_not_complete(tmp_path: Path) -> None:
    response = (await asked(Program(tmp_path, says("Good", "\n\n")).client())).unwrap()
    assert (response.content, response.finish, response.complete) == ("Good", "length", False)


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([{"err": "prompt is too long (3010 tokens, max 252)"}, {"exit": 1}], ContextTooLarge),
        ([{"err": "cudaMalloc failed: out of memory"}, {"exit": 1}], ModelUnavailable),
        ([{"exit": 3}], ModelUnavailable),
        ([{"signal": 9}], ModelUnavailable),
        ([{"out": "Go"}, {"exit": 1}], StreamInterrupted),
        ([{"out": "Go"}], StreamInterrupted),
        ([{"out": "\n\nLoading model... "}, {"hang": 1}], ConfigurationError),
        ([{"flood": 1}], ModelUnavailable),
    ],
)
async def test_a_bad_end_is_told_and_leaves_nothing(
    tmp_path: Path, scratch: Path, steps: list[dict[str, Any]], kind: type[LLMError]
) -> None:
    program = Program(tmp_path, *steps)
    assert isinstance(await error_of(program.client()), kind)
    await gone(program.told()[0]["pid"])
    events = [sealed(event) async for event in program.client().stream(HELLO)]
    streams_lawfully(events)
    assert isinstance(events[-1], Failure)
    assert isinstance(events[-1].failure(), kind)
    assert left_behind(scratch) == []


async def test_complaints_without_end_do_not_stop_the_program(tmp_path: Path) -> None:
    """What it writes to standard error is read, and only its last words are kept."""
    program = Program(tmp_path, {"err": "x" * 300_000}, {"err": COUNTED}, says("ok"))
    assert (await asked(program.client())).unwrap().usage is not None


async def test_a_cancelled_request_kills_the_program_and_its_children(tmp_path: Path, scratch: Path) -> None:
    program = Program(tmp_path, {"child": 1}, {"hang": 1})
    pending = asyncio.create_task(asked(program.client()))
    told = await begun(program)
    assert alive(told["pid"])
    assert alive(told["child"])
    pending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pending
    await gone(told["pid"], told["child"])
    assert left_behind(scratch) == []


async def test_a_deadline_kills_the_program(tmp_path: Path) -> None:
    program = Program(tmp_path, {"hang": 1}, {"child": 1})
    parts = ClientParts(
        world=real_world(),
        make_transport=no_transport,
        profiles=(ModelProfile(name="small", provider="llama_cpp_cli", locality="local", price=FREE, load_seconds=0.0),),
    )
    client = build_client("llama_cpp_cli", program.settings(), parts).unwrap()
    error = await error_of(client, evolve(HELLO, timeout_ms=1500))
    assert isinstance(error, RequestTimeout)
    told = await begun(program)
    await gone(told["pid"], told["child"])


async def test_a_stream_that_is_left_kills_the_program(tmp_path: Path, scratch: Path) -> None:
    program = Program(tmp_path, {"child": 1}, {"out": "Good"}, {"hang": 1})
    async with aclosing(program.client().stream(HELLO)) as events:
        first = await anext(events)
    assert first == Success(TextDelta(text="Good"))
    (told,) = program.told()
    await gone(told["pid"], told["child"])
    assert left_behind(scratch) == []


@pytest.mark.parametrize("steps", [({"out": "Good"},), ({"out": "Good" + ENDED}, {"close": 1})], ids=["open", "closed"])
async def test_silence_in_mid_answer_is_a_stall(tmp_path: Path, steps: tuple[dict[str, Any], ...]) -> None:
    """Also of a program that has closed its output, and does not end."""
    program = Program(tmp_path, *steps, {"hang": 1})
    events = [sealed(event) async for event in program.client().stream(evolve(HELLO, timeout_ms=150))]
    assert events[0] == Success(TextDelta(text="Good"))
    last = events[-1]
    assert isinstance(last, Failure)
    error = last.failure()
    assert isinstance(error, RequestTimeout)
    assert (error.phase, error.timeout_ms) == ("stall", 150)
    await gone(program.told()[0]["pid"])


async def test_closing_the_client_kills_what_runs(tmp_path: Path) -> None:
    program = Program(tmp_path, {"hang": 1})
    client = program.client()
    pending = asyncio.create_task(asked(client))
    told = await begun(program)
    await client.close()
    outcome = await pending
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "not_running"
    await gone(told["pid"])


async def test_one_runs_at_a_time_unless_settings_say_otherwise(tmp_path: Path) -> None:
    program = Program(tmp_path, {"hang": 1})
    for concurrency, running in ((None, 1), (2, 3)):
        client = program.client(concurrency=concurrency)
        pending = [asyncio.create_task(asked(client)) for _ in range(3)]
        await until(lambda: len(program.told()) >= running)  # noqa: B023 - asked at once
        await asyncio.sleep(0.1)
        assert len(program.told()) == running
        for one in pending:
            one.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def test_a_program_that_is_not_there_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    program = Program(tmp_path, says("ok"))
    for path in (tmp_path / "gone", tmp_path):
        error = await error_of(program.client(llama_cpp_path=str(path)))
        assert isinstance(error, ConfigurationError)
        assert error.faults[0].key == "providers.llama_cpp_cli.llama_cpp_path"
    unknown = await error_of(program.client(), LLMRequest("x", preferences=Preferences(model="larger")))
    assert isinstance(unknown, ModelUnavailable)
    assert "small.gguf" in unknown.message
    assert program.told() == []


@pytest.mark.parametrize("wrong", [{"special_flags": ("--log-file x",)}, {"cache_type_k": "q9"}])
def test_settings_are_judged_when_the_client_is_built(tmp_path: Path, wrong: dict[str, Any]) -> None:
    built = build_client("llama_cpp_cli", ProviderSettings(**wrong), ClientParts(world=real_world(), make_transport=no_transport))
    assert isinstance(built, Failure)
    assert isinstance(built.failure(), ConfigurationError)


async def test_health_starts_the_program_and_lists_the_models(tmp_path: Path) -> None:
    program = Program(tmp_path, {"err": "version: 7348 (abc)"}, {"exit": 0})
    health = (await settle(program.client().health())).unwrap()
    assert (health.healthy, health.models, health.error_message) == (True, ("small.gguf",), None)
    assert program.told()[0]["argv"] == ["-cnv", "--version"]
    program.says({"exit": 1})
    ill = (await settle(program.client().health())).unwrap()
    assert (ill.healthy, ill.models) == (False, ())
    program.says({"err": "error: invalid argument: -cnv\n"}, {"exit": 1})
    people = (await settle(program.client().health())).unwrap()
    assert "llama-completion" in (people.error_message or "")
    gone_ = (await settle(program.client(llama_cpp_path="/nowhere/llama-cli").health())).unwrap()
    assert "is not there" in (gone_.error_message or "")


async def test_a_request_that_cannot_be_written_down_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(tmp_path, says("ok"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    error = await error_of(program.client())
    assert isinstance(error, ModelUnavailable)
    assert (error.reason, error.resend_helps) == ("server", False)
    assert program.told() == []


async def test_from_windows_the_program_runs_inside_wsl(tmp_path: Path) -> None:
    """A stand-in for ``wsl.exe`` runs what it is given, as the real one does."""
    program = Program(tmp_path, says("ok"))
    through = tmp_path / "wsl.exe"
    through.write_text('#!/bin/sh\n[ "$1" = --exec ] && shift && exec "$@"\n', encoding="utf-8")
    through.chmod(0o700)
    parts = ClientParts(world=real_world({"PATH": str(tmp_path)}), make_transport=no_transport)
    client = make_client(program.settings(), parts, lambda: Machine(windows=True)).unwrap()
    assert (await asked(client)).unwrap().content == "ok"
    assert (await settle(client.health())).unwrap().healthy
    assert program.told()[0]["argv"][:2] == ["-m", str((program.models / "small.gguf").resolve())]


async def test_a_place_that_cannot_be_found_is_told_by_every_question(tmp_path: Path) -> None:
    program = Program(tmp_path)
    parts = ClientParts(world=real_world(), make_transport=no_transport)
    client = make_client(program.settings(llama_cpp_path="~/x", wsl=True), parts, lambda: Machine(windows=True)).unwrap()
    assert isinstance(await error_of(client), ConfigurationError)
    assert isinstance(await settle(client.list_models()), Failure)
    assert not (await settle(client.health())).unwrap().healthy


async def test_a_program_that_hangs_is_not_well(tmp_path: Path) -> None:
    """And is killed when whoever asks has no more time."""
    program = Program(tmp_path, {"hang": 1})
    pending = asyncio.create_task(_health(program.client()))
    told = await begun(program)
    pending.cancel()
    await asyncio.gather(pending, return_exceptions=True)
    await gone(told["pid"])


async def _health(client: ModelClient) -> object:
    return await settle(client.health())


async def test_models_are_those_of_the_folder(tmp_path: Path) -> None:
    program = Program(tmp_path)
    profiles = (await settle(program.client(context_length=4096).list_models())).unwrap()
    assert [(profile.name, profile.context_window, profile.locality) for profile in profiles] == [("small.gguf", 4096, "local")]
    assert (profiles[0].vision, profiles[0].tools, profiles[0].json_schema, profiles[0].concurrency) == (False, False, True, 1)


def test_a_program_is_asked_from_several_loops(tmp_path: Path) -> None:
    client = Program(tmp_path, says("ok")).client()
    for _ in range(2):
        assert asyncio.run(asked(client)).unwrap().content == "ok"
