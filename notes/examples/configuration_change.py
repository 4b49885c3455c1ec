"""Configuration management: turn a wish into a checked change of settings, on this machine only.

Settings may hold secrets, so the request is labelled private: no cloud is asked, not even when the local model fails.
The answers are scripted; the second is one that no schema allows, and is an error with its path.
"""

import asyncio
from typing import Literal

from attrs import frozen

from llm_manager import LLMRequest, OutputInvalid, settle
from llm_manager.testing import scripted, scripted_manager

WISH = "Keep traces for two weeks and sample a tenth of them."
RIGHT = '{"changes": [{"key": "traces.retention_days", "value": 14}, {"key": "traces.sample_percent", "value": 10}]}'
WRONG = '{"changes": [{"key": "traces.retention_days", "value": "a fortnight"}]}'


@frozen
class Change:
    """One setting and its new value."""

    key: Literal["traces.retention_days", "traces.sample_percent"]
    value: int


@frozen
class Changes:
    """What to apply, all or nothing."""

    changes: list[Change]


async def main() -> None:
    """A good answer is a value; a bad one is an error and changes nothing."""
    local = scripted(RIGHT, WRONG, provider="lmstudio", model="gpt-oss-20b")
    cloud = scripted(RIGHT, provider="openai", model="gpt-4o-mini", locality="cloud")
    request = LLMRequest(WISH, task_type="config_management", sensitivity="private", cache="off")
    async with scripted_manager(local, cloud) as manager:
        good = (await settle(manager.generate_as(Changes, request))).unwrap()
        print({change.key: change.value for change in good.value.changes})
        # -> {'traces.retention_days': 14, 'traces.sample_percent': 10}

        bad = (await settle(manager.generate_as(Changes, request))).failure()
        if isinstance(bad, OutputInvalid):
            print(f"{bad.path}: {bad.message}")  # -> $.changes[0].value: Expected `int`, got `str`
        print(f"the cloud was asked {cloud.count} times")  # -> the cloud was asked 0 times


asyncio.run(main())
