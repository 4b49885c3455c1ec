"""A record for each call: who answered, what it took, how it ended; at most so many of them."""

import asyncio

from msgspec.structs import replace
from returns.result import Success

from llm_manager.domain.errors import AllModelsFailed, AttemptRecord, InvalidRequest, ModelUnavailable, NetworkError, Origin
from llm_manager.domain.events import AttemptStarted, CallFailed
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Usage
from llm_manager.effects import settle
from llm_manager.policies.usage_records import usage_record
from llm_manager.telemetry.usage_records import keeping_usage
from llm_manager.testing import run_virtual, scripted, scripted_manager

DOWN = ModelUnavailable(model="m", message="500", resend_helps=False)
HELLO = LLMResponse(
    content="hello", model="a", provider="one", finish="stop", usage=Usage(input_tokens=3, output_tokens=4, reasoning_tokens=1)
)


def test_every_call_of_a_manager_leaves_one_record() -> None:
    """Answered, from the cache, failed, left: nothing twice."""
    kept = keeping_usage(lambda: 1_800_000_000.0)
    model = scripted(HELLO, DOWN, provider="one", model="a")

    async def work() -> None:
        manager = scripted_manager(model, tell=kept.subscriber)
        whose = RequestMetadata(feature="search", user="ann", tenant="acme")
        first = LLMRequest("hi", metadata=whose)
        assert isinstance(await settle(manager.generate(first)), Success)
        assert isinstance(await settle(manager.generate(first)), Success)
        await settle(manager.generate(LLMRequest("again")))
        left = asyncio.ensure_future(settle(manager.generate(LLMRequest("left"))))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)

    run_virtual(work())
    answered, cached, failed, left = kept.read()
    assert (answered.provider, answered.model, answered.success, answered.error, answered.timestamp) == ("one", "a", True, None, 1.8e9)
    assert (answered.input_tokens, answered.output_tokens, answered.latency_ms) == (3, 5, 0.0)
    assert (answered.feature, answered.user, answered.tenant) == ("search", "ann", "acme")
    assert (cached.cached, cached.input_tokens, cached.success) == (True, 0, True)
    assert (failed.provider, failed.model, failed.success, failed.error) == ("one", "a", False, "ModelUnavailable")
    assert (left.success, left.error, left.provider) == (False, "cancelled", "")


def test_who_was_asked_is_told_as_far_as_it_is_known() -> None:
    def told(error: object) -> tuple[str, str]:
        record = usage_record(
            CallFailed(at=0.0, call_id="c", seconds=0.5, error=error, metadata=RequestMetadata()),  # type: ignore[arg-type]  # errors
            1.0,
        )
        assert record is not None
        assert record.latency_ms == 500.0
        return record.provider, record.model

    assert told(InvalidRequest(message="no")) == ("", "")
    lost = NetworkError(model="m", message="x", origin=Origin(provider="p"))
    assert told(lost) == ("p", "")
    tried = AttemptRecord(number=1, step=0, provider="q", model="n", after_seconds=0.0, seconds=1.0, error=lost)
    assert told(AllModelsFailed(causes=(lost,), attempts=(tried,))) == ("q", "n")


def test_only_the_newest_are_kept_and_other_events_are_none() -> None:
    kept = keeping_usage(lambda: 0.0, most=2)
    ended = CallFailed(at=0.0, call_id="c", seconds=1.0, error=DOWN, metadata=RequestMetadata())
    for number in range(5):
        kept.subscriber(replace(ended, call_id=str(number)))
    kept.subscriber(AttemptStarted(at=0.0, call_id="c", number=1, provider="p", model="m"))
    assert [record.call_id for record in kept.read()] == ["3", "4"]
