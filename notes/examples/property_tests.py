"""A property-based test suite for a program built on the package: models that misbehave, virtual time, any request.

Run it with pytest, or as it is. No network, no waiting: hours of deadlines and pauses pass in milliseconds.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager import Failure, LLMError, LLMManager, LLMRequest, LLMResponse, Settled, StreamFinished, settle
from llm_manager.testing import Outcome, faults, run_virtual, scripted, scripted_manager
from llm_manager.testing.strategies import requests

TROUBLES: list[Outcome] = [
    faults.refused(),
    faults.reset(),
    faults.server_error(),
    faults.rate_limited(3),
    faults.hanging(),
    faults.malformed(),
]
suite = settings(max_examples=30, deadline=None, derandomize=True)


async def ask(manager: LLMManager, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
    """The program under test: here it only asks."""
    return await settle(manager.generate(request))


@suite
@given(st.lists(st.sampled_from(TROUBLES), max_size=6), requests())
def test_calls_never_pass_their_budget(troubles: list[Outcome], request: LLMRequest) -> None:
    """One request for each model of the plan and three more at most; none at all when nobody may be asked."""
    model = scripted(*troubles, "at last")
    manager = scripted_manager(model)
    steps = manager.plan(request).map(lambda plan: len(plan.steps) + 3).value_or(0)
    outcome = run_virtual(ask(manager, request))
    assert model.count <= steps
    assert isinstance(outcome, Failure) or outcome.unwrap().content == "at last"


@suite
@given(st.sampled_from(TROUBLES), requests())
def test_a_private_request_never_leaves(trouble: Outcome, request: LLMRequest) -> None:
    """Whatever happens to the local model."""
    local = scripted(trouble, provider="lmstudio")
    cloud = scripted("seen!", provider="openai", locality="cloud")
    run_virtual(ask(scripted_manager(local, cloud), LLMRequest(request.prompt or "hi", sensitivity="private")))
    assert cloud.count == 0


@suite
@given(st.text(max_size=80), st.integers(1, 7))
def test_a_stream_adds_up(text: str, size: int) -> None:
    """However it is cut into chunks."""

    async def read() -> None:
        events = [event.unwrap() async for event in scripted_manager(scripted(text, chunk_characters=size)).stream(LLMRequest("x"))]
        assert isinstance(last := events[-1], StreamFinished)
        assert last.response.content == text

    run_virtual(read())


if __name__ == "__main__":
    for test in (test_calls_never_pass_their_budget, test_a_private_request_never_leaves, test_a_stream_adds_up):
        test()
        print(f"{test.__name__.removeprefix('test_').replace('_', ' ')}: holds")
    # -> calls never pass their budget: holds # -> a private request never leaves: holds # -> a stream adds up: holds
