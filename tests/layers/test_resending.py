"""Counting re-sends: per endpoint, for all managers that share it, and for no more endpoints than there is room for."""

from concurrent.futures import ThreadPoolExecutor

from llm_manager.domain.models import Endpoint
from llm_manager.domain.requests import LLMRequest
from llm_manager.layers.resending import MOST_ENDPOINTS, resending
from llm_manager.policies.retry_budget import LEAST
from llm_manager.services.gates import enter
from llm_manager.testing import attempt_for, scripted


def endpoint(name: str) -> Endpoint:
    return Endpoint(provider=name, base_url=f"https://{name}", locality="cloud")


def test_re_sends_are_counted_for_each_endpoint_apart() -> None:
    time = [100.0]
    resends = resending(lambda: time[0])
    assert resends.wait(endpoint("one")) == 0.0
    for _ in range(LEAST):
        assert resends.wait(endpoint("one")) == 0.0
        resends.take(endpoint("one"))
    assert resends.wait(endpoint("one")) == resends.take(endpoint("one")) == resends.wait(endpoint("one")) == 60.0
    assert resends.wait(endpoint("two")) == 0.0
    time[0] = 160.0
    assert resends.wait(endpoint("one")) == 0.0


async def test_calls_that_leave_make_room() -> None:
    resends = resending(lambda: 0.0)
    model = scripted("x")
    attempt = attempt_for(LLMRequest("hi"), model=model.client.profiles[0], endpoint=model.client.endpoint).unwrap()
    for _ in range(LEAST):
        resends.take(attempt.endpoint)
    assert resends.wait(attempt.endpoint) > 0.0
    for _ in range(60):
        (await enter(resends.gate, attempt, lambda _: None)).unwrap().ended(None)
    assert resends.wait(attempt.endpoint) == 0.0


def test_the_first_of_too_many_endpoints_is_forgotten() -> None:
    resends = resending(lambda: 0.0)
    for _ in range(LEAST):
        resends.take(endpoint("first"))
    for number in range(MOST_ENDPOINTS):
        resends.take(endpoint(f"e{number}"))
    assert resends.wait(endpoint("first")) == 0.0


def test_threads_that_look_at_once_never_take_more_than_there_is() -> None:
    resends = resending(lambda: 0.0)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: resends.take(endpoint("one")), range(400)))
    assert sum(wait == 0.0 for wait in waits) == LEAST
