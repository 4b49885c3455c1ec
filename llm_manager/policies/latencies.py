"""How long answers took, in constant memory: counts in buckets, each of which reaches a tenth further than the one before.

A percentile read from them is off by less than 5 %.
"""

from collections.abc import Iterable, Sequence
from math import ceil, log
from typing import Final

from llm_manager.domain.statistics import Histogram, Latencies, ModelStatistics

LEAST_SECONDS: Final = 0.0001
"""Where the first bucket begins; what is shorter falls into it too."""

RATIO: Final = 1.1
BUCKETS: Final = 200
"""The last one begins after five hours."""

GENERATION: Final = 2000
"""After so many answers the newer counts become the older ones, and the older are forgotten."""

_PER_BUCKET = log(RATIO)
_LONGEST: Final[float] = LEAST_SECONDS * RATIO ** (BUCKETS - 0.5)


def bucket_of(seconds: float) -> int:
    """Say into which bucket a latency falls."""
    return int(log(min(seconds, _LONGEST) / LEAST_SECONDS) / _PER_BUCKET) if seconds > LEAST_SECONDS else 0


def middle_of(bucket: int) -> float:
    """The latency that stands for a bucket: its geometric middle."""
    middle: float = LEAST_SECONDS * RATIO ** (bucket + 0.5)
    return middle


def with_latencies(seen: Latencies, seconds: Sequence[float]) -> Latencies:
    """Count latencies, oldest first."""
    newer, older = seen.newer, seen.older
    begin = 0
    while begin < len(seconds):
        end = begin + GENERATION - newer.answers
        newer = _counted(newer, seconds[begin:end])
        begin = end
        if newer.answers >= GENERATION:
            newer, older = Histogram(), newer
    return Latencies(newer=newer, older=older)


def percentile(seen: ModelStatistics, q: float) -> float | None:
    """Say within how many seconds the share ``q`` (0 to 1) of a model's newest answers came; None when there are none.

    Failures do not count. It looks back over the last 2000 to 4000 answers.
    """
    return percentile_over((seen.latencies.newer, seen.latencies.older), q)


def surely_within(seen: ModelStatistics, q: float) -> float | None:
    """The same, never too short: the end of the bucket, so that answers which all take equally long are within it."""
    middle = percentile(seen, q)
    return None if middle is None else middle * RATIO**0.5


def percentile_over(histograms: Iterable[Histogram], q: float) -> float | None:
    """The same over several histograms together."""
    counted = [histogram for histogram in histograms if histogram.answers]
    if not counted:
        return None
    wanted = max(1, ceil(min(1.0, max(0.0, q)) * sum(histogram.answers for histogram in counted)))
    bucket, last = min(histogram.first for histogram in counted), max(map(_end, counted)) - 1
    passed = sum(_count(histogram, bucket) for histogram in counted)
    while passed < wanted and bucket < last:
        bucket += 1
        passed += sum(_count(histogram, bucket) for histogram in counted)
    return middle_of(bucket)


def answers_of(seen: ModelStatistics) -> int:
    """Say how many answers a percentile looks back over."""
    return seen.latencies.newer.answers + seen.latencies.older.answers


def _end(histogram: Histogram) -> int:
    return histogram.first + len(histogram.counts)


def _count(histogram: Histogram, bucket: int) -> int:
    place = bucket - histogram.first
    return histogram.counts[place] if 0 <= place < len(histogram.counts) else 0


def _counted(histogram: Histogram, seconds: Sequence[float]) -> Histogram:
    buckets = [bucket_of(each) for each in seconds]
    last = _end(histogram) - 1
    lowest, highest = min(buckets), max(buckets)
    if histogram.counts:
        lowest, highest = min(lowest, histogram.first), max(highest, last)
        counts = [*[0] * (histogram.first - lowest), *histogram.counts, *[0] * (highest - last)]
    else:
        counts = [0] * (highest - lowest + 1)
    for bucket in buckets:
        counts[bucket - lowest] += 1
    return Histogram(first=lowest, counts=tuple(counts), answers=histogram.answers + len(buckets))
