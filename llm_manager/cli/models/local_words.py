"""The words of `llm-manager models pull NAME`, `ps`, `show`, `rm`, `disk`, `updates` and `recommend`; `local` does it."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from attrs import evolve
from cyclopts import App, Parameter
from cyclopts.types import NonNegativeFloat
from returns.result import Failure, Success

from llm_manager.cli.models import local as local_models
from llm_manager.cli.models.vram import found_vram
from llm_manager.cli.output import Output
from llm_manager.cli.parsing import Config, Json, known_provider
from llm_manager.cli.session import standard_output
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ConfigurationError, LLMError, PolicyBlocked
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.names import canonical_provider
from llm_manager.policies.routing import why_not_asked
from llm_manager.services.local_models import LocalModels
from llm_manager.services.model_client import ModelClient

_WORDS: Final = ("ps", "show", "rm", "disk", "updates", "recommend")
_PROVIDER: Final = "ollama"

Server: TypeAlias = Annotated[
    str, Parameter(name="--provider", help="The server that keeps the models; ollama by default.", validator=known_provider)
]
Name: TypeAlias = Annotated[str, Parameter(help="The model, as the server calls it.")]
_Work: TypeAlias = Callable[[LocalModels], Coroutine[Any, Any, int]]


def add(listing: App) -> None:
    """Put the words under ``models``."""
    commands: tuple[Callable[..., int], ...] = (_ps, _show, _rm, _disk, _updates, _recommend)
    for word, command in zip(_WORDS, commands, strict=True):
        listing.command(command, name=word, help_epilogue="")


def pull(name: str, *, provider: str | None, json: bool, config: Path | None) -> int:
    """Have a local server fetch a model."""
    output = standard_output(json=json)
    return _managing(output, provider or _PROVIDER, config, lambda models: local_models.pull(output, models, name))


def _ps(*, provider: Server = _PROVIDER, json: Json = False, config: Config = None) -> int:
    """Show the models in a local server's memory."""
    output = standard_output(json=json)
    return _managing(output, provider, config, lambda models: local_models.running(output, models))


def _show(name: Name, /, *, provider: Server = _PROVIDER, json: Json = False, config: Config = None) -> int:
    """Show what a local server tells of one model."""
    output = standard_output(json=json)
    return _managing(output, provider, config, lambda models: local_models.show(output, models, name))


def _rm(
    name: Name,
    /,
    *,
    yes: Annotated[bool, Parameter(negative=(), help="Do not ask.")] = False,
    provider: Server = _PROVIDER,
    json: Json = False,
    config: Config = None,
) -> int:
    """Remove a model from a local server's disk."""
    output = standard_output(json=json)

    def confirm(question: str) -> bool | None:
        return True if yes else asked(output, question)

    return _managing(output, provider, config, lambda models: local_models.remove(output, models, name, confirm=confirm))


def _disk(*, provider: Server = _PROVIDER, json: Json = False, config: Config = None) -> int:
    """Show the models on a local server's disk, with their sizes."""
    output = standard_output(json=json)
    return _managing(output, provider, config, lambda models: local_models.disk(output, models))


def _updates(*, provider: Server = _PROVIDER, json: Json = False, config: Config = None) -> int:
    """Show which models of a local server have a newer version; the settings must allow it (check_updates)."""
    output = standard_output(json=json)
    return _managing(output, provider, config, lambda models: local_models.updates(output, models))


def _recommend(
    *,
    vram: Annotated[NonNegativeFloat | None, Parameter(help="The memory of the GPU in GB; 0 without one.")] = None,
    json: Json = False,
) -> int:
    """Show which models run well on this machine, and which to fetch; nothing is asked."""
    output = standard_output(json=json)
    room = found_vram() if vram is None else vram
    return local_models.recommended_sizes(output) if room is None else local_models.recommended(output, room)


def asked(output: Output, question: str) -> bool | None:
    """Ask on the terminal; None where there is none."""
    if not (sys.stdin.isatty() and output.err.isatty()):
        return None
    output.err.write(f"{question} [y/N] ")
    output.err.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _managing(output: Output, provider: str, config: Path | None, work: _Work) -> int:
    opened = client_of(output, provider, config)
    if isinstance(opened, Failure):
        return output.failure(opened.failure())
    client, models = opened.unwrap()

    async def closing() -> int:
        try:
            return await work(models)
        finally:
            await client.close()

    return asyncio.run(closing())


def client_of(output: Output, provider: str, config: Path | None) -> Settled[tuple[ModelClient, LocalModels], LLMError]:
    """The client of a server as the settings have it, configured or not; one whose models cannot be managed is an error."""
    from llm_manager.real_world import real_world
    from llm_manager.settings import read_config
    from llm_manager.wiring import default_deps

    world = real_world()
    read = sealed(read_config(config, world.environ))
    if isinstance(read, Failure):
        return read
    settings = read.unwrap().config
    for warning in settings.warnings:
        output.note(f"warning: {warning}")
    name = canonical_provider(provider) or provider
    own = evolve(settings.providers.get(name, ProviderSettings()), enabled=True)
    made = sealed(default_deps(evolve(settings, providers={name: own}), world))
    if isinstance(made, Failure):
        return made
    client = made.unwrap().clients.get(name)
    if client is None or client.local_models is None:
        return Failure(ConfigurationError(message=f"{provider} keeps no models that can be managed; {_PROVIDER} does"))
    forbidden = why_not_asked(client.endpoint, settings.routing)
    if forbidden is not None:
        return Failure(PolicyBlocked(message=forbidden, policy="airgap"))
    return Success((client, client.local_models))
