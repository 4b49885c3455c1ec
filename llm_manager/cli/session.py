"""What a command works with, and the one place where it is made from the settings."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.cli.output import Output
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import Strategy
from llm_manager.domain.requests import LLMRequest
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.manager import LLMManager

Prepare = Callable[[LLMRequest], Coroutine[Any, Any, Settled[None, LLMError]]]


async def _prepared(_: LLMRequest) -> Settled[None, LLMError]:
    return Success(None)


@frozen(kw_only=True)
class Session:
    """A manager, the settings it was made from, and where to write. ``prepare`` is called once before a model is asked."""

    manager: LLMManager
    config: LLMConfig
    output: Output
    prepare: Prepare = field(default=_prepared, repr=False)


Command = Callable[[Session], Coroutine[Any, Any, int]]


def standard_output(*, json: bool = False) -> Output:
    """The streams of this process."""
    return Output(out=sys.stdout, err=sys.stderr, json=json)


def overridden(config: LLMConfig, *, strategy: Strategy | None = None) -> LLMConfig:
    """The settings with what the command line says instead."""
    return config if strategy is None else evolve(config, routing=evolve(config.routing, strategy=strategy))


def open_session(output: Output, *, config: Path | None = None, strategy: Strategy | None = None) -> Settled[Session, LLMError]:
    """Read the settings, apply what the command line says, and make the manager; nothing is sent or fetched."""
    from llm_manager.settings import read_config
    from llm_manager.wiring import make_llm_manager

    read = sealed(read_config(config))
    if isinstance(read, Failure):
        return read
    settings = overridden(read.unwrap().config, strategy=strategy)
    for warning in settings.warnings:
        output.note(f"warning: {warning}")
    made = sealed(make_llm_manager(settings))
    if isinstance(made, Failure):
        return made
    return Success(Session(manager=made.unwrap(), config=settings, output=output))


def conduct(output: Output, command: Command, *, config: Path | None = None, strategy: Strategy | None = None) -> int:
    """Open a session, run a command in it, close it; give the exit code."""
    opened = open_session(output, config=config, strategy=strategy)
    if isinstance(opened, Failure):
        return output.failure(opened.failure())
    return asyncio.run(_closing(opened.unwrap(), command))


async def _closing(session: Session, command: Command) -> int:
    async with session.manager:
        return await command(session)
