"""What admission adds to the laws of gates: crowds."""

import asyncio

from returns.result import Success

from llm_manager.domain.configuration import AdmissionSettings, ProviderSettings
from llm_manager.domain.requests import LLMRequest
from llm_manager.layers.admitting import admitting
from llm_manager.services.gates import Pass
from llm_manager.testing import attempt_for, fake_world, run_virtual

CROWD = 2000
ATTEMPT = attempt_for(LLMRequest("hi"), seconds=1e6).unwrap()


def test_a_crowd_that_waits_may_leave_at_once() -> None:
    """Whoever holds the one place gives it back while all who wait are going: it is nobody's in the end."""

    async def crowd() -> None:
        admissions = admitting(AdmissionSettings(), {"scripted": ProviderSettings(concurrency=1)}, fake_world())

        async def entering() -> Pass:
            return (await admissions.gate(ATTEMPT, lambda _: None)).unwrap()

        held = await entering()
        waiting = [asyncio.ensure_future(entering()) for _ in range(CROWD)]
        await asyncio.sleep(1.0)
        assert admissions.standing()[0].waiting == CROWD
        for each in waiting:
            each.cancel()
        held.ended(None)
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended)
        (scope,) = admissions.standing()
        assert (scope.under_way, scope.waiting) == (0, 0)
        assert isinstance(await admissions.gate(ATTEMPT, lambda _: None), Success)

    run_virtual(crowd())


def test_set_concurrency_is_believed_from_the_start() -> None:
    """What is set is not felt for from below; what is not set is."""

    async def at_once(concurrency: int | None) -> int:
        admissions = admitting(AdmissionSettings(), {"scripted": ProviderSettings(concurrency=concurrency)}, fake_world())
        waiting = [asyncio.ensure_future(admissions.gate(ATTEMPT, lambda _: None)) for _ in range(300)]
        await asyncio.sleep(1.0)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return admissions.standing()[0].under_way

    assert run_virtual(at_once(200)) == 200
    assert run_virtual(at_once(8)) == 8
    assert run_virtual(at_once(None)) == 32
