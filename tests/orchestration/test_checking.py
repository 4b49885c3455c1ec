"""Health and models of every endpoint: asked side by side, failures told, and nobody asked whom a policy forbids."""

from decimal import Decimal

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError, NetworkError
from llm_manager.domain.models import Health, Locality, ModelProfile
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.usage import Credits
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Scripted, run_virtual, scripted, scripted_manager

AIRGAP = LLMConfig(routing=RoutingPolicy(airgap=True))
GONE = NetworkError(model="m", message="no connection could be made")


def asked_of(model: Scripted) -> list[str]:
    """Make a model note what it is asked, and answer."""
    asked: list[str] = []

    async def health() -> Settled[Health, LLMError]:
        asked.append("health")
        return Success(Health(provider=model.client.endpoint.provider, healthy=True))

    async def models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        asked.append("models")
        return Success((evolve(model.client.profiles[0], name="listed"),))

    model.client = evolve(model.client, health=publish(health), list_models=publish(models))
    return asked


def looked_at(manager: LLMManager) -> tuple[tuple[Health, ...], list[str]]:
    async def look() -> tuple[tuple[Health, ...], list[str]]:
        healths = (await settle(manager.health())).unwrap()
        return healths, [profile.name for profile in (await settle(manager.models())).unwrap()]

    return run_virtual(look())


def test_every_endpoint_is_asked() -> None:
    local, cloud = scripted(provider="lmstudio"), scripted(provider="openai", locality="cloud")
    asked = asked_of(local), asked_of(cloud)
    healths, names = looked_at(scripted_manager(local, cloud))
    assert [health.healthy for health in healths] == [True, True]
    assert names == ["listed", "listed"]
    assert asked == (["health", "models"], ["health", "models"])


def test_an_endpoint_that_fails_is_unhealthy_and_stands_with_what_settings_name() -> None:
    model = scripted(provider="openai", locality="cloud", model="named")

    async def gone() -> Settled[Health, LLMError]:
        return Failure(GONE)

    async def unlisted() -> Settled[tuple[ModelProfile, ...], LLMError]:
        return Failure(GONE)

    model.client = evolve(model.client, health=publish(gone), list_models=publish(unlisted))
    (health,), names = looked_at(scripted_manager(model))
    assert not health.healthy
    assert "could not reach m" in str(health.error_message)
    assert names == ["named"]


def test_under_airgap_no_cloud_is_asked_how_it_is_or_what_it_has() -> None:
    local, cloud = scripted(provider="lmstudio"), scripted(provider="openai", locality="cloud", model="gpt")
    asked = asked_of(local), asked_of(cloud)
    healths, names = looked_at(scripted_manager(local, cloud, config=AIRGAP))
    assert asked == (["health", "models"], [])
    assert [(health.provider, health.healthy, health.error_message) for health in healths] == [
        ("lmstudio", True, None),
        ("openai", False, "airgap: only local endpoints may be asked"),
    ]
    assert names == ["listed", "gpt"]


def with_credits(provider: str, outcome: Settled[Credits, LLMError], locality: Locality = "cloud") -> Scripted:
    """A model whose provider tells what is left."""
    model = scripted(provider=provider, locality=locality)

    async def told() -> Settled[Credits, LLMError]:
        return outcome

    model.client = evolve(model.client, credits=publish(told))
    return model


def test_credits_are_told_by_those_who_tell() -> None:
    left = Credits(provider="openrouter", left_usd=Decimal(5))
    rich, mute = with_credits("openrouter", Success(left)), scripted(provider="openai")
    broken = with_credits("other", Failure(GONE))
    assert run_virtual(settle(scripted_manager(rich, mute, broken).credits())) == Success((left,))
    assert run_virtual(settle(scripted_manager(mute).credits())) == Success(())
    assert run_virtual(settle(scripted_manager(broken).credits())) == Failure(GONE)
    assert run_virtual(settle(scripted_manager(rich, config=AIRGAP).credits())) == Success(())
