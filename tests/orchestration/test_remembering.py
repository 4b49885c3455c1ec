"""Whether an answer is at hand is told without asking anybody, and as the cache itself would find it."""

from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.blocking import blocking
from llm_manager.domain.configuration import CacheSettings, LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.effects import settle
from llm_manager.services.manager import LLMManager
from llm_manager.testing import faults, run_virtual, scripted, scripted_manager

HI = LLMRequest("Hi.")


def told(manager: LLMManager, *, after: LLMRequest | None, request: LLMRequest) -> Result[bool, LLMError]:
    async def ask() -> Result[bool, LLMError]:
        async with manager:
            if after is not None:
                await settle(manager.generate(after))
            return await settle(manager.remembered(request))

    return run_virtual(ask())


def test_what_was_answered_is_at_hand_and_nothing_else() -> None:
    for asked, known in (
        (HI, True),
        (LLMRequest("Bye."), False),
        (evolve(HI, cache="off"), False),
        (evolve(HI, cache="refresh"), False),
        (evolve(HI, preferences=Preferences(temperature=1.0)), False),
        (evolve(HI, metadata=RequestMetadata(tenant="other")), False),
    ):
        model = scripted("Hello.")
        assert told(scripted_manager(model), after=HI, request=asked) == Success(known)
        assert len(model.calls) == 1


def test_it_is_looked_up_as_it_would_be_sent() -> None:
    """With the words of the system said once."""
    again = LLMRequest("Hi.", system="be brief", messages=(Message(role="system", content="be brief"),))
    assert told(scripted_manager(scripted("Hello.")), after=again, request=evolve(again, messages=())) == Success(True)
    assert told(scripted_manager(scripted("Hello.")), after=evolve(again, messages=()), request=again) == Success(True)


def test_without_a_cache_nothing_is() -> None:
    model = scripted("Hello.")
    manager = scripted_manager(model, config=LLMConfig(cache=CacheSettings(enabled=False)))
    assert told(manager, after=HI, request=HI) == Success(False)


def test_what_failed_is_not_at_hand_and_what_nobody_may_be_asked_is_a_failure() -> None:
    assert told(scripted_manager(scripted(faults.server_error())), after=HI, request=HI) == Success(False)
    away = scripted("Hello.", locality="cloud")
    assert isinstance(told(scripted_manager(away), after=None, request=evolve(HI, sensitivity="private")), Failure)


def test_without_await_it_is_the_same() -> None:
    with blocking(scripted_manager(scripted("Hello."))) as manager:
        assert manager.remembered(HI) == Success(False)
        manager.generate(HI)
        assert manager.remembered(HI) == Success(True)
