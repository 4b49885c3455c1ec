"""A run waits for the connection by looking ever more rarely, and goes on as soon as whom it needs is reached."""

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.cli.run_online import reached, until_online
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.models import Health
from llm_manager.domain.standing import Standing
from llm_manager.services.manager import LLMManager
from llm_manager.testing import fake_world, run_virtual, scripted, scripted_manager

AWAY = Health(provider="openai", healthy=False, error_tag="NetworkError")
LATE = Health(provider="openai", healthy=False, error_tag="TimeoutError")
UNWELL = Health(provider="openai", healthy=False, error_tag="AuthenticationFailed")
IDLE = Health(provider="openai", healthy=False, error_tag="ModelUnavailable")
THERE = Health(provider="openai", healthy=True)
OTHER = Health(provider="groq", healthy=True)


def looking(*looks: Result[tuple[Health, ...], LLMError], online: bool | None = None) -> tuple[LLMManager, list[int]]:
    """A manager that sees this at each look, and how often it looked."""
    seen: list[int] = []

    def health() -> FutureResult[tuple[Health, ...], LLMError]:
        seen.append(1)
        return FutureResult.from_result(looks[min(len(seen), len(looks)) - 1])

    return evolve(scripted_manager(scripted("Hi.")), health=health, standing=lambda: Standing(online=online)), seen


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
