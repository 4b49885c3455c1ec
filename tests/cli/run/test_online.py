"""A run waits for the connection by looking ever more rarely, and goes on as soon as whom it needs is reached."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.cells import Cell
from llm_manager.cli.run.online import Going, asked_whenever_online, reached, until_online
from llm_manager.cli.run.typed import RunWords, prepare_run
from llm_manager.domain.configuration import BreakerSettings, LLMConfig, PerformanceSettings
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError, LLMError
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.standing import Standing
from llm_manager.policies.connectivity import is_away
from llm_manager.runs.running import Running
from llm_manager.runs.surveying import survey
from llm_manager.runs.tallies import Tally
from llm_manager.services.manager import LLMManager
from llm_manager.testing import fake_world, faults, run_virtual, scripted, scripted_manager
from tests.runs.logs import memory_log

AWAY = Health(provider="openai", healthy=False, error_tag="NetworkError")
LATE = Health(provider="openai", healthy=False, error_tag="TimeoutError")
UNWELL = Health(provider="openai", healthy=False, error_tag="AuthenticationFailed")
IDLE = Health(provider="openai", healthy=False, error_tag="ModelUnavailable")
THERE = Health(provider="openai", healthy=True)
OTHER = Health(provider="groq", healthy=True)


def looking(
    *looks: Result[tuple[Health, ...], LLMError], online: bool | None = None, base: LLMManager | None = None
) -> tuple[LLMManager, list[int]]:
    """A manager that sees this at each look, and how often it looked."""
    seen: list[int] = []

    def health() -> FutureResult[tuple[Health, ...], LLMError]:
        seen.append(1)
        return FutureResult.from_result(looks[min(len(seen), len(looks)) - 1])

    return evolve(base or scripted_manager(scripted("Hi.")), health=health, standing=lambda: Standing(online=online)), seen


def waited(manager: LLMManager, provider: str | None = "openai") -> tuple[float, list[str]]:
    """How long it took, and what was told."""
    told: list[str] = []

    async def wait() -> float:
        world = fake_world()
        began = world.now()
        await until_online(manager, provider, world, told.append)
        return world.now() - began

    return run_virtual(wait()), told


def test_who_is_reached_is_not_waited_for() -> None:
    for health in (THERE, UNWELL):
        assert waited(looking(Success((health,)))[0]) == (0.0, [])


def test_it_looks_ever_more_rarely_and_tells_once() -> None:
    manager, looks = looking(*[Success((AWAY, OTHER))] * 6, Success((LATE,)), Success((IDLE,)), Success((THERE,)))
    seconds, told = waited(manager)
    assert len(looks) == 9
    assert 0.8 * 315 <= seconds <= 315
    assert len(told) == 2
    assert told[0].startswith("offline: openai cannot be reached; waiting")
    assert told[1] == "online again: the run goes on"


def test_where_nobody_is_named_anybody_elsewhere_will_do() -> None:
    assert run_virtual(reached(looking(Success((OTHER,)), online=True)[0], None))
    assert not run_virtual(reached(looking(Success((AWAY,)), online=False)[0], None))
    assert run_virtual(reached(looking(Failure(ConfigurationError(message="airgap")))[0], None))
    assert not run_virtual(reached(looking(Failure(ConfigurationError(message="x")), online=False)[0], "openai"))


@frozen
class Went:
    """What became of rows, and how long it took."""

    tally: Tally
    stopped: LLMError | None
    seconds: float
    told: list[str]
    calls: int


def asked(folder: Path, *answers: Any, looks: Sequence[Health] = (THERE,), ended: bool = False) -> Went:
    """Five rows asked one after the other of a model that answers so, each look finding this."""
    path = folder / "rows.jsonl"
    path.write_text("".join(f'{{"text": "row {number}"}}\n' for number in range(5)))
    job = prepare_run(RunWords(source=str(path), prompt="{text}"), stdin=io.BytesIO(), scratch=folder).unwrap().job
    model, told, tally = scripted(*answers), list[str](), Cell(Tally(rows=5))

    async def ask() -> tuple[LLMError | None, float]:
        world, log = fake_world(), memory_log()
        config = LLMConfig(performance=PerformanceSettings(patience_seconds=0), breaker=BreakerSettings(enabled=False))
        config = evolve(config, routing=evolve(config.routing, max_retries=0))
        manager, _ = looking(*(Success((look,)) for look in looks), base=scripted_manager(model, config=config))
        waiting = Cell[str | None](None)
        profile = ModelProfile(name="gpt", provider="openai")
        running = Running(generate_all=manager.generate_all, tally=tally, concurrency=1, offline=is_away, model=profile)
        going = Going(manager=manager, world=world, tell=told.append, waiting=waiting, ended=lambda: ended, reopen=lambda: None)
        found = survey(job, log.standings).unwrap()
        stopped = await asked_whenever_online(job, found, log, running, going)
        assert waiting.read() is None
        return stopped, world.now()

    stopped, seconds = run_virtual(ask())
    return Went(tally.read(), stopped, seconds, told, len(model.calls))


def test_rows_that_got_nowhere_are_asked_again_when_the_connection_is_back(tmp_path: Path) -> None:
    down = faults.refused()
    went = asked(tmp_path, "A", "B", down, down, down, "C", looks=(THERE, AWAY, AWAY, THERE))
    assert went.stopped is None
    assert (went.tally.answered, went.tally.failed, went.tally.in_vain) == (5, 0, 0)
    assert went.calls == 8
    assert went.told[-1] == "online again: the run goes on"
    assert went.seconds >= 0.8 * 15


def test_a_server_that_says_that_it_is_well_and_takes_nothing_is_tried_ever_more_rarely(tmp_path: Path) -> None:
    went = asked(tmp_path, *[faults.refused()] * 25, "A")
    assert went.tally.answered == 5
    assert went.calls == 30
    assert went.seconds >= 0.8 * (5 + 10 + 20 + 40)
    assert went.told == []


def test_who_ends_a_run_ends_its_waiting(tmp_path: Path) -> None:
    went = asked(tmp_path, faults.refused(), ended=True)
    assert went.stopped is not None
    assert went.calls == 5


def test_what_else_stops_a_run_still_does(tmp_path: Path) -> None:
    went = asked(tmp_path, "A", faults.wrong_key())
    assert isinstance(went.stopped, AuthenticationFailed)
    assert went.tally.answered == 1
