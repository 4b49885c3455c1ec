"""What a run will take, before anything is spent: tokens, money from the least to the most, and time.

Time is that of the admission itself: its step, fed with answers in simulated time under the limits that are set.
"""

import heapq
from collections.abc import Iterable
from decimal import Decimal
from math import inf
from typing import Final

from attrs import frozen

from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.models import KnownPrice, ModelProfile, Price
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Cost, Priced, Unpriced, Usage
from llm_manager.policies.admission import Ended, Enter, Grant, Granted, Rules, Tick, scope_of, step, wake_at
from llm_manager.policies.admission_signals import charged_answer
from llm_manager.policies.answer_lengths import USUAL_ANSWER_TOKENS, AnswerLength, answer_length
from llm_manager.policies.fair_queue import Waiter
from llm_manager.policies.pricing import dearest, is_free, price
from llm_manager.policies.tokens import estimate_request_tokens

_FRAME = 16
_SIMULATED = 4000
"""So many requests are played through; the rest is taken to go on as the second half of them did."""
_MINUTE = 61.0
_ATTACHED = Unpriced(reason="images and documents are read before they can be priced")
_NOTHING: Final = (Decimal(0), Decimal(0), Decimal(0))


@frozen(kw_only=True)
class Estimate:
    """What requests to one model take: guessed, but for the most they can cost, which is a bound; unknown is unpriced.

    The least is their prompts with hardly an answer. ``completion_tokens`` is what all answers come to if each is as long as its
    schema makes likely, or of usual length without one; ``longest_completion_tokens`` if each is the longest that fits, None where
    nothing bounds it. ``seconds`` is None when a limit that is set lets one of them never through.
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int
    longest_completion_tokens: int | None = None
    least: Cost
    expected: Cost
    most: Cost
    seconds: float | None


def estimate(
    requests: Iterable[LLMRequest],
    profile: ModelProfile,
    settings: ProviderSettings | None = None,
    *,
    concurrency: int | None = None,
    answer_tokens: int = USUAL_ANSWER_TOKENS,
) -> Estimate:
    """Say what it will take to ask a model all these, under a provider's limits and so many at once; nothing is sent.

    One look at each, so that any number of them fits in memory. How long one answer takes is ``profile.latency_seconds``;
    ``answer_tokens`` is how long free text is.
    """
    limits = settings or ProviderSettings()
    count = prompts = completions = largest = 0
    usd, unknown = list(_NOTHING), dict[int, Cost]()
    longest: int | None = 0
    form, length = None, AnswerLength(likely=answer_tokens)
    for request in requests:
        if request.output is not form:  # the same of every row: looked at once
            form, length = request.output, answer_length(request.output, usual=answer_tokens)
        prompt = estimate_request_tokens(request)
        bound = request.preferences.max_tokens or profile.max_output_tokens or profile.context_window
        answer = _least(length.likely, bound)
        allowed = length.highest if request.preferences.max_tokens is None else _least(request.preferences.max_tokens, length.highest)
        longest = None if longest is None or allowed is None else longest + allowed
        charged = prompt + charged_answer(request.preferences.max_tokens, bound, limits.tokens_per_minute)
        count, prompts, completions, largest = count + 1, prompts + prompt, completions + answer, max(largest, charged)
        for index, cost in enumerate(_costs(request, prompt, answer, bound, profile.price)):
            if isinstance(cost, Priced):
                usd[index] += cost.usd
            else:
                unknown[index] = cost
    rules = Rules(
        requests=limits.requests_per_minute,
        tokens=limits.tokens_per_minute,
        concurrency=limits.concurrency,
        longest_wait=inf,
    )
    used = (prompts + completions) // count if count else 0
    workers = concurrency or profile.concurrency
    seconds = _seconds(rules, count, workers, profile.latency_seconds, charged=largest, used=used)
    version = profile.price.version if isinstance(profile.price, KnownPrice) else ""
    least, expected, most = (unknown.get(index, Priced(usd=usd[index], price_version=version)) for index in range(3))
    return Estimate(
        requests=count,
        prompt_tokens=prompts,
        completion_tokens=completions,
        longest_completion_tokens=longest,
        least=least,
        expected=expected,
        most=most,
        seconds=seconds,
    )


def _least(one: int, other: int | None) -> int:
    return one if other is None else min(one, other)


def _costs(request: LLMRequest, prompt: int, answer: int, bound: int | None, rates: Price) -> tuple[Cost, Cost, Cost]:
    least = price(Usage(cache_read_tokens=prompt, output_tokens=1), rates)
    fresh = price(Usage(input_tokens=prompt, output_tokens=1), rates)
    if isinstance(least, Priced) and isinstance(fresh, Priced):
        least = min(least, fresh, key=lambda cost: cost.usd)
    expected = price(Usage(input_tokens=prompt, output_tokens=answer), rates)
    if (request.has_images or request.has_documents) and isinstance(rates, KnownPrice) and not is_free(rates):
        return least, expected, _ATTACHED
    letters = sum(len(text.encode("utf-8", "surrogatepass")) + _FRAME for text in request.texts())
    return least, expected, dearest(max(prompt, letters), bound, rates)


def _seconds(rules: Rules, count: int, workers: int, latency: float, *, charged: int, used: int) -> float | None:
    """How long so many requests take, each of them charged and then found to have used so many tokens."""
    if rules.tokens is not None:
        if used > rules.tokens:
            return None
        charged = min(charged, rules.tokens)
    played = min(count, _SIMULATED)
    ends = _ends(rules, played, workers, latency, charged=charged if rules.tokens else 0, used=used)
    if played == count:
        return ends[-1] if ends else 0.0
    half = played // 2
    rest = (ends[-1] - ends[half]) / (played - half - 1) * (count - played)
    by_requests = 0.0 if rules.requests is None else (count - 1) // rules.requests * _MINUTE
    by_tokens = 0.0 if rules.tokens is None else (count * used - 1) // rules.tokens * _MINUTE
    return max(ends[-1] + rest, by_requests, by_tokens)


def _ends(rules: Rules, count: int, workers: int, latency: float, *, charged: int, used: int) -> list[float]:
    """When each of so many requests ends, as admission lets them leave."""
    scope, now, asked = scope_of(rules, 0.0), 0.0, 0
    under_way: list[tuple[float, int, Grant]] = []
    ends: list[float] = []
    free = workers
    while len(ends) < count:
        if free and asked < count:
            asked, free = asked + 1, free - 1
            scope, commands = step(scope, Enter(Waiter(asked, inf, tokens=charged)), now)
        elif under_way and under_way[0][0] <= max(now, wake_at(scope)):
            now, _, grant = heapq.heappop(under_way)
            free += 1
            ends.append(now)
            scope, commands = step(scope, Ended(grant, "accepted", used), now)
        else:
            now = max(now, wake_at(scope))
            scope, commands = step(scope, Tick(), now)
        for command in commands:
            if isinstance(command, Granted):
                heapq.heappush(under_way, (now + latency, command.number, command.grant))
    return ends
