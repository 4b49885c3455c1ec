"""Real processes with one Redis: what is set for all holds for all, however they come to their end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field
from returns.result import Success

from llm_manager.domain.standing import BudgetStanding
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.stores.redis.opening import LEASE_SECONDS
from tests.loopback import Answer, Hang, Received, fault_server, json_reply
from tests.servers import running_redis
from tests.stores.redis.one_of_many import A_MINUTE, AT_ONCE, BUDGET, CALLS, QUESTIONS, manager_at, question

ROOT = Path(__file__).parents[3]
REPLY: Any = {
    "id": "1",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3},
}


@contextmanager
def process(*words: str) -> Iterator["subprocess.Popen[str]"]:
    """One of many."""
    script = Path(__file__).with_name("one_of_many.py")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"}
    started = subprocess.Popen([sys.executable, str(script), *words], env=environ, stdout=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@define
class Asked:
    """What a server was asked, and when."""

    times: list[float] = field(factory=list)
    questions: list[str] = field(factory=list)
    lock: Any = field(factory=threading.Lock)

    def __call__(self, received: Received) -> Answer:
        if received.path.endswith("/models"):
            return json_reply({"object": "list", "data": [{"id": "m", "object": "model"}]})
        with self.lock:
            self.times.append(time.monotonic())
            self.questions.append(received.json()["messages"][-1]["content"])
        return json_reply(REPLY)


def test_four_processes_keep_one_limit_one_budget_and_ask_once(redis_url: str) -> None:
    """Two hundred calls each of a hundred questions: no more requests than the budget, none of them twice, none sooner than the rate."""
    asked = Asked()
    with fault_server(asked) as server:
        url = f"{server.url}/v1"
        with (
            process("calls", redis_url, url, "0") as one,
            process("calls", redis_url, url, "25") as two,
            process("calls", redis_url, url, "50") as three,
            process("calls", redis_url, url, "75") as four,
        ):
            told = [json.loads(each.communicate(timeout=100)[0]) for each in (one, two, three, four)]
    assert len(asked.questions) == len(set(asked.questions)) == BUDGET < QUESTIONS
    assert sum(each["paid"] for each in told) == BUDGET
    for each in told:
        assert sum(each["got"].values()) == CALLS
        assert set(each["got"]) == {"answered", "BudgetExceeded"}
    assert max(each["spent"] for each in told) == BUDGET
    burst = A_MINUTE // 12
    for first, began in enumerate(asked.times):
        for last, ended in enumerate(asked.times[first:], first):
            assert last - first + 1 <= burst + 2 + (ended - began + 0.5) * A_MINUTE / 60


def test_redis_is_killed_in_the_middle_and_started_anew(redis_program: str) -> None:
    """Every call of two processes comes to its end all the same: answered, refused by the budget, or told what is missing."""
    asked = Asked()
    with fault_server(asked) as server:
        url = f"{server.url}/v1"
        with (
            running_redis(redis_program) as redis,
            process("calls", redis.url, url, "0") as one,
            process("calls", redis.url, url, "50") as two,
        ):
            last = time.monotonic() + 20
            while len(asked.times) < BUDGET // 4 and time.monotonic() < last:
                time.sleep(0.005)
            redis.process.kill()
            redis.process.wait()
            time.sleep(0.5)
            with running_redis(redis_program, "--port", str(redis.port)):
                told = [json.loads(each.communicate(timeout=100)[0]) for each in (one, two)]
    for each in told:
        assert sum(each["got"].values()) == CALLS
        assert set(each["got"]) <= {"answered", "BudgetExceeded", "StorageFailed"} and each["got"]["answered"]
    assert len(asked.questions) <= 2 * BUDGET, "a server that forgets begins anew, where no store knows better"


def test_kill_9_gives_back_the_permits_and_keeps_the_budget(redis_url: str) -> None:
    """Who hangs with all permits is killed: they come back after a lease, and what those calls may have cost stays spent."""
    asked = Asked()

    def script(received: Received) -> Answer:
        return Hang("after_reading") if b"held" in received.body else asked(received)

    with fault_server(script) as server:
        url = f"{server.url}/v1"
        with process("hold", redis_url, url) as one:
            last = time.monotonic() + 20
            while sum(b"held" in each.body for each in server.requests) < AT_ONCE and time.monotonic() < last:
                time.sleep(0.02)
            one.send_signal(signal.SIGKILL)
            one.wait()

        async def ask() -> tuple[float, BudgetStanding]:
            async with manager_at(redis_url, url) as manager:
                began = time.monotonic()
                answer = sealed(await settle(manager.generate(question(0))))
                assert isinstance(answer, Success), answer
                waited = time.monotonic() - began
                assert isinstance(sealed(await settle(manager.generate(question(1)))), Success)
                (budget,) = manager.standing().budgets
                return waited, budget

        waited, budget = asyncio.run(ask())
    assert 5.0 < waited < LEASE_SECONDS + 5.0
    assert (int(budget.unknown), int(budget.spent)) in ((AT_ONCE, AT_ONCE + 1), (AT_ONCE, AT_ONCE + 2))
