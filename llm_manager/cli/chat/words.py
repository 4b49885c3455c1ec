"""`llm-manager chat`: its words."""

import sys
from io import StringIO
from typing import Annotated, Final

from attrs import evolve
from cyclopts import Parameter
from returns.result import Failure, Success

from llm_manager.cli.asking import make_request
from llm_manager.cli.chat.lines import ReadText, history_file, plain_lines, terminal_lines
from llm_manager.cli.chat.talking import Chat
from llm_manager.cli.conversations.at_hand import meant
from llm_manager.cli.keeping import state_folder
from llm_manager.cli.parsing import (
    Config,
    Fallback,
    MaxCost,
    MaxTokens,
    Model,
    Private,
    Provider,
    Route,
    System,
    Temperature,
    Think,
    Timeout,
)
from llm_manager.cli.session import Session, conduct, standard_output
from llm_manager.domain.conversations import Conversation
from llm_manager.services.world import World

_ANY: Final = "."
"""Words in place of those that are still to be typed."""


def run(
    *,
    resume: Annotated[
        str | None, Parameter(help="Go on with this conversation: its id, the beginning of it, or last.", allow_leading_hyphen=True)
    ] = None,
    model: Model = None,
    provider: Provider = None,
    fallback: Fallback = False,
    system: System = None,
    strategy: Route = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    reasoning: Think = None,
    timeout: Timeout = None,
    max_cost: MaxCost = None,
    private: Private = False,
    config: Config = None,
) -> int:
    """Talk with a model; what is said is kept, and can be gone on with."""
    from llm_manager.real_world import real_world

    output, world = standard_output(), real_world()
    request = make_request(
        _ANY,
        stdin=StringIO(),
        tell=output.note,
        system=system,
        model=model,
        provider=provider,
        max_tokens=max_tokens,
        temperature=temperature,
        reasoning=reasoning,
        sensitivity="private" if private else None,
        fallback=fallback,
        timeout_seconds=timeout,
        max_cost_usd=max_cost,
    )
    if isinstance(request, Failure):
        return output.failure(request.failure())
    asked = evolve(request.unwrap(), prompt=None)

    async def command(session: Session) -> int:
        found = Success(Conversation(id=world.new_id())) if resume is None else await meant(session.manager.conversations, resume)
        if isinstance(found, Failure):
            return output.failure(found.failure())
        said = found.unwrap()
        read = reading(world, private=private or said.private)
        return await Chat(session=session, read=read, conversation=said, request=asked, new_id=world.new_id).run()

    return conduct(output, command, config=config, strategy=strategy)


def reading(world: World, *, private: bool) -> ReadText:
    """What is typed, from the terminal where there is one; what is private is remembered by no history."""
    terminal = None
    if sys.stdin.isatty() and sys.stdout.isatty():
        terminal = terminal_lines(None if private else history_file(state_folder(world.environ)), world.environ)
    return terminal or plain_lines(sys.stdin, world)
