"""Providers that refuse and that die, on real sockets: no row is lost, and a dead one is left alone."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing

import pytest
from attrs import evolve
from returns.result import Success

from llm_manager.domain.configuration import BreakerSettings
from llm_manager.domain.errors import LLMError
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from tests.integration.managers import managing
from tests.integration.test_crowds import ASK, pointed_at
from tests.integration.test_faults import fitting
from tests.loopback import Answer, Received, Reset, fault_server, json_reply, rate_limited, throttled

ROWS, CALLERS = 400, 64
RATE, BURST = 200.0, 20.0


@pytest.mark.parametrize("refusal", [rate_limited(), rate_limited(("retry-after-ms", "100"))], ids=["untold", "told"])
@pytest.mark.parametrize("batch", [True, False], ids=["rows", "calls"])
async def test_a_storm_of_refusals_loses_no_row(refusal: Answer, batch: bool) -> None:
    """Nobody told the manager what its provider takes; refused calls are fewer than answered ones by far."""
    with fault_server(throttled(fitting, rate=RATE, burst=BURST, refusal=refusal)) as server:
        async with managing(pointed_at(server)) as (manager, _):
            if batch:
                rows = (evolve(ASK, prompt=f"row {number}") for number in range(ROWS))
                async with aclosing(manager.generate_all(rows, concurrency=CALLERS)) as answers:
                    lost = [outcome.failure() async for _, outcome in answers if not isinstance(outcome, Success)]
            else:
                numbers = iter(range(ROWS))

                async def caller() -> list[LLMError]:
                    ended = [await settle(manager.generate(evolve(ASK, prompt=f"call {number}"))) for number in numbers]
                    return [outcome.failure() for outcome in ended if not isinstance(outcome, Success)]

                lost = [error for each in await asyncio.gather(*(caller() for _ in range(CALLERS))) for error in each]
            assert lost == []
            assert all(scope.under_way == scope.waiting == 0 for scope in manager.standing().scopes)
    assert len(server.requests) - ROWS < ROWS / 2


def _broken(_: Received) -> Answer:
    return json_reply({"error": {"message": "boom"}}, 500)


DEAD: Mapping[str, Answer | Callable[[Received], Answer]] = {"says 500": _broken, "resets": Reset()}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("ill", DEAD.values(), ids=DEAD)
async def test_a_dead_primary_is_found_out_and_left_alone(ill: Answer | Callable[[Received], Answer], streamed: bool) -> None:
    """Every call is answered by the backup; those after the first few ask nobody else, until the primary is due for a probe."""
    with fault_server(ill) as primary, fault_server(fitting) as backup:
        async with managing(pointed_at(primary, backup)) as (manager, told):
            for _ in range(30):
                answer = await (collect(manager.stream(ASK)) if streamed else settle(manager.generate(ASK)))
                assert answer.unwrap().provider == "vllm"
            assert told.asked[-20:] == ["vllm"] * 20
            assert {each.provider: each.phase for each in manager.standing().breakers} == {"openai": "open", "vllm": "closed"}
        assert len(primary.requests) <= 5
        assert len(backup.requests) == 30


async def test_a_primary_that_comes_back_is_found_again() -> None:
    """By one probe, which is a call like any other."""
    well = False

    def script(received: Received) -> Answer:
        return fitting(received) if well else _broken(received)

    with fault_server(script) as primary, fault_server(fitting) as backup:
        config = evolve(pointed_at(primary, backup), breaker=BreakerSettings(open_seconds=0.3))
        async with managing(config) as (manager, _):
            for _ in range(10):
                assert (await settle(manager.generate(ASK))).unwrap().provider == "vllm"
            well, asked = True, len(primary.requests)
            await asyncio.sleep(0.35)
            for _ in range(10):
                assert (await settle(manager.generate(ASK))).unwrap().provider == "openai"
            assert len(primary.requests) == asked + 10
            assert {each.phase for each in manager.standing().breakers} == {"closed"}
