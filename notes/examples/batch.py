"""Ten thousand requests out of a generator: read only as far as workers are free, answered in order, flat in memory.

The model is scripted and takes 0.2 s of virtual time; one row in a thousand meets a server that fails, and is a value like
any other.
"""

from collections import Counter
from contextlib import aclosing

from llm_manager import Attempt, Failure, LLMConfig, LLMRequest, ModelUnavailable, RoutingPolicy
from llm_manager.testing import run_virtual, scripted, scripted_manager

NO_RETRIES = LLMConfig(routing=RoutingPolicy(max_retries=0))


def answering(attempt: Attempt) -> str | ModelUnavailable:
    """Fail now and then."""
    if str(attempt.request.prompt).endswith("999"):
        return ModelUnavailable(model=attempt.model.name, message="status 500")
    return f"done with {attempt.request.prompt}"


async def main() -> None:
    """Count how rows end; look at some answers as they come, when few of the rows have been read."""
    model = scripted(answering, seconds=0.2, keep_calls=False)
    requests = (LLMRequest(f"row {number}", cache="off") for number in range(10_000))
    ends: Counter[str] = Counter()
    manager = scripted_manager(model, config=NO_RETRIES)
    async with manager, aclosing(manager.generate_all(requests, concurrency=8, in_order=True)) as answers:
        async for position, outcome in answers:
            ends[outcome.failure().tag if isinstance(outcome, Failure) else "answered"] += 1
            if position in (0, 999, 1000):
                said = outcome.failure().tag if isinstance(outcome, Failure) else outcome.unwrap().content
                print(f"{position}: {said}")
                assert model.count - position < 50  # rows that are not needed yet have not been read
    # -> 0: done with row 0 # -> 999: ModelUnavailable # -> 1000: done with row 1000
    print(dict(ends), f"at most {model.most_at_once} at once")  # -> {'answered': 9990, 'ModelUnavailable': 10} at most 8 at once


run_virtual(main())
