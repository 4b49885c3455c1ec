"""Analysis: what is wrong with these numbers? The finding comes back as a value of a class, checked field by field.

No model that needs no key does this well, so the answer is scripted; the routing is real.
"""

import asyncio
from typing import Literal

from attrs import frozen

from llm_manager import LLMRequest, Preferences, settle
from llm_manager.testing import scripted, scripted_manager

LATENCIES_MS = {"09:00": 41, "09:05": 43, "09:10": 40, "09:15": 412, "09:20": 398, "09:25": 44}
FINDING = '{"metric": "latency", "severity": "high", "from_time": "09:15", "to_time": "09:20", "cause": "a cold cache after the deploy"}'


@frozen
class Anomaly:
    """A stretch of time in which a metric was not itself."""

    metric: str
    severity: Literal["low", "medium", "high"]
    from_time: str
    to_time: str
    cause: str


async def main() -> None:
    """An analysis goes to the best reasoner first: Claude's family before GPT's before local ones."""
    claude = scripted(FINDING, provider="openrouter", model="anthropic/claude-sonnet", locality="cloud", profile={"family": "claude"})
    local = scripted("I am not sure.", provider="lmstudio", model="gpt-oss-20b", profile={"family": "llama"})
    readings = "\n".join(f"{time} {value} ms" for time, value in LATENCIES_MS.items())
    request = LLMRequest(
        f"Find the anomaly in these latencies; a deploy went out at 09:14.\n{readings}",
        task_type="analysis",
        preferences=Preferences(temperature=0.0),
    )
    async with scripted_manager(local, claude) as manager:
        found = (await settle(manager.generate_as(Anomaly, request))).unwrap()
        print(found.response.model)  # -> anthropic/claude-sonnet
        print(f"{found.value.severity}: {found.value.metric} from {found.value.from_time} to {found.value.to_time}, {found.value.cause}")
        # -> high: latency from 09:15 to 09:20, a cold cache after the deploy


asyncio.run(main())
