"""The snapshot is renewed exactly when what it is made of changes."""

from msgspec.structs import replace

from llm_manager.domain.errors import NetworkError
from llm_manager.domain.events import AttemptAnswered, AttemptFailed
from llm_manager.domain.models import Health
from llm_manager.domain.plans import Unavailable
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.usage import Unpriced
from llm_manager.orchestration.knowing import Knowledge, Known
from llm_manager.policies.statistics import observe_all
from llm_manager.testing import scripted

HI = LLMRequest("hi")
ANSWERED = AttemptAnswered(
    at=1.0, call_id="c", number=1, provider="openai", model="gpt-a", seconds=1.0, usage=None, cost=Unpriced(reason="test")
)
ONE, TWO = scripted(provider="openai", model="gpt-a").client, scripted(provider="lmstudio", model="llama-a").client


def knowledge(*, statistics: Statistics | None = None) -> Knowledge:
    return Knowledge(Known(clients={"openai": ONE, "lmstudio": TWO}), lambda: statistics or Statistics())


def named(model: str, provider: str | None = None) -> LLMRequest:
    return LLMRequest("hi", preferences=Preferences(model=model, provider=provider))


def test_nothing_new_gives_the_very_same_snapshot() -> None:
    known = knowledge()
    assert known.snapshot(HI) is known.snapshot(HI)


def test_health_found_clients_and_named_models_give_new_versions() -> None:
    known = knowledge()
    first = known.snapshot(HI)
    healths = (Health(provider="openai", healthy=False), Health(provider="lmstudio", healthy=True))
    assert known.learn_health(healths) == healths
    second = known.snapshot(HI)
    assert [candidate.healthy for candidate in second.candidates] == [False, True]
    known.learn_clients({"vllm": scripted(provider="vllm", model="v").client}, (Unavailable(provider="ollama", reason="away"),))
    third = known.snapshot(HI)
    assert (len(third.candidates), third.unavailable[0].provider) == (3, "ollama")
    fourth = known.snapshot(named("gpt-special"))
    assert [candidate.profile.name for candidate in fourth.candidates if candidate.only_named] == ["gpt-special"]
    versions = [snapshot.version for snapshot in (first, second, third, fourth)]
    assert versions == sorted(set(versions))


def test_a_breaker_that_opens_or_is_due_gives_a_new_version_and_nothing_else_does() -> None:
    shut: dict[str, float] = {}
    known = Knowledge(Known(clients={"openai": ONE, "lmstudio": TWO}), Statistics, lambda: shut)
    first = known.snapshot(HI)
    assert known.snapshot(HI) is first
    shut = {TWO.endpoint.identity: 60.0}
    second = known.snapshot(HI)
    assert [candidate.breaker_open for candidate in second.candidates] == [False, True]
    assert (known.snapshot(HI), second.version) == (second, first.version + 1)
    shut = {}
    assert not any(candidate.breaker_open for candidate in known.snapshot(HI).candidates)


def test_the_same_health_again_is_nothing_new() -> None:
    known = knowledge()
    known.learn_health((Health(provider="openai", healthy=True),))
    before = known.snapshot(HI)
    known.learn_health((Health(provider="openai", healthy=True, latency_seconds=2.0),))
    assert known.snapshot(HI) is before


CLOUD = scripted(provider="anthropic", model="claude-a", locality="cloud").client


def lost(provider: str, at: float) -> AttemptFailed:
    error = NetworkError(model="m", message="no name")
    return AttemptFailed(at=at, call_id="c", number=1, provider=provider, model="m", seconds=1.0, error=error)


def test_offline_is_known_from_what_happens_and_passes_by_itself() -> None:
    """Two failures of the only cloud; a local server that is down has no part in it."""
    clock = 5.0
    known = Knowledge(Known(clients={"anthropic": CLOUD, "lmstudio": TWO}), Statistics, now=lambda: clock)
    assert known.online() is None
    before = known.snapshot(HI)
    for provider in ("lmstudio", "lmstudio", "anthropic", "anthropic"):
        assert not any(candidate.unreached for candidate in known.snapshot(HI).candidates)
        known.hear(lost(provider, clock))
    assert known.online() is False
    after = known.snapshot(HI)
    assert {candidate.profile.provider: candidate.unreached for candidate in after.candidates} == {"anthropic": True, "lmstudio": False}
    assert after.version > before.version
    clock = 40.0
    assert known.online() is None
    assert not any(candidate.unreached for candidate in known.snapshot(HI).candidates)
    known.learn_health((Health(provider="anthropic", healthy=True), Health(provider="lmstudio", healthy=True)))
    assert known.online() is True


def test_two_models_that_are_alike_do_not_take_turns() -> None:
    """Averages move with every answer; what routes read moves in steps."""
    seen = observe_all(Statistics(), [replace(ANSWERED, seconds=1.0 + 0.1 * (number % 2)) for number in range(50)])
    first = knowledge(statistics=seen).snapshot(HI).candidates[0]
    later = observe_all(seen, [replace(ANSWERED, seconds=1.0 + 0.1 * (number % 2)) for number in range(50)])
    second = knowledge(statistics=later).snapshot(HI).candidates[0]
    assert (first.latency_seconds, first.success_rate) == (second.latency_seconds, second.success_rate)
    assert (first.attempts, second.attempts) == (50, 100)


def test_a_named_model_belongs_to_its_named_provider_or_to_whom_its_name_tells() -> None:
    known = knowledge()
    known.snapshot(named("own", "local"))
    known.snapshot(named("gpt-new"))
    found = {candidate.profile.name: candidate.profile.provider for candidate in known.snapshot(HI).candidates if candidate.only_named}
    assert found == {"own": "lmstudio", "gpt-new": "openai"}


def test_a_name_that_tells_nothing_is_nobodys_among_several_providers() -> None:
    known = knowledge()
    before = known.snapshot(HI)
    assert known.snapshot(named("mystery")) is before
    assert known.snapshot(named("claude-3")) is before
    assert known.snapshot(named("anything", "groq")) is before


def test_ever_new_names_do_not_grow_without_bound() -> None:
    known = knowledge()
    for number in range(1_100):
        known.snapshot(named(f"gpt-{number}"))
    assert len(known.snapshot(HI).candidates) <= 1_003


def test_who_answers_is_well_again() -> None:
    known = knowledge()
    known.learn_health((Health(provider="openai", healthy=False),))
    known.hear(ANSWERED)
    assert known.snapshot(HI).candidates[0].healthy is True
    before = known.snapshot(HI)
    known.hear(ANSWERED)
    assert known.snapshot(HI) is before


def test_a_model_with_its_provider_before_a_slash_is_met_as_the_providers_own() -> None:
    known = knowledge()
    found = [each.profile for each in known.snapshot(named("openai/gpt-new")).candidates if each.only_named]
    assert [(profile.provider, profile.name) for profile in found] == [("openai", "gpt-new")]
