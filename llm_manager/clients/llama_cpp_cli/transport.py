"""The client of llama.cpp's program. Building it starts nothing and looks at no file."""

import os
from collections.abc import Callable

from returns.result import Failure, Result, Success

from llm_manager.clients.direct import DirectDeps, made_client
from llm_manager.clients.llama_cpp_cli import errors
from llm_manager.clients.llama_cpp_cli.asking import AskingDeps, asking
from llm_manager.clients.llama_cpp_cli.codec import encode
from llm_manager.clients.llama_cpp_cli.flags import memory_flags, special_flags
from llm_manager.clients.llama_cpp_cli.models import stored
from llm_manager.clients.llama_cpp_cli.places import Machine, Place, placed, this_machine
from llm_manager.clients.llama_cpp_cli.profile import DEFAULT_MODELS_DIR, FACTS, PROVIDER, describe
from llm_manager.clients.llama_cpp_cli.running import Running, finish, last_words, read, start
from llm_manager.clients.profiles import offered
from llm_manager.clients.who import Who
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.error_questions import describe as in_words
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.effects import publish
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.overlaying import overlaid
from llm_manager.services.model_client import ClientParts, ModelClient

_LOOKING_SECONDS = 10.0


def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
    """Judge the settings, and make a client of them."""
    return make_client(settings, parts, this_machine)


def make_client(settings: ProviderSettings, parts: ClientParts, machine: Callable[[], Machine]) -> Result[ModelClient, LLMError]:
    """The same on a given machine."""
    memory, special = sealed(memory_flags(settings)), sealed(special_flags(settings))
    if isinstance(memory, Failure):
        return memory
    if isinstance(special, Failure):
        return special
    words, cores, world = (*memory.unwrap(), *special.unwrap()), os.cpu_count(), parts.world
    endpoint = Endpoint(provider=PROVIDER, base_url=f"{PROVIDER}:{settings.models_dir or DEFAULT_MODELS_DIR}", locality="local")
    own = {profile.name: profile for profile in parts.profiles if profile.provider == PROVIDER}
    running = Running()

    def described(name: str) -> ModelProfile:
        known, ours = describe(name, settings), own.get(name)
        return known if ours is None else overlaid(known, ours, endpoint)

    def encoded(request: LLMRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
        return encode(request, model, settings, words, cores)

    def place(who: Who) -> Settled[Place, LLMError]:
        return placed(settings, machine(), world.environ, who)

    profiles = offered(FACTS, settings, described)
    ourselves = Who(provider=PROVIDER, model=profiles[0].name, endpoint=endpoint.base_url)

    def looked() -> Settled[tuple[Place, tuple[str, ...]], LLMError]:
        there = place(ourselves)
        return there if isinstance(there, Failure) else Success((there.unwrap(), stored(there.unwrap().folder)))

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        there = await world.run_blocking(looked)
        return there if isinstance(there, Failure) else Success(tuple(described(name) for name in there.unwrap()[1]))

    async def health() -> Settled[Health, LLMError]:
        began = world.now()
        there = await world.run_blocking(looked)
        wrong = there.failure() if isinstance(there, Failure) else await _unfit(there.unwrap()[0], ourselves, parts, running)
        return Success(
            Health(
                provider=PROVIDER,
                healthy=wrong is None,
                latency_seconds=world.now() - began,
                models=() if isinstance(there, Failure) or wrong is not None else there.unwrap()[1],
                error_message=None if wrong is None else in_words(wrong),
            )
        )

    async def close() -> None:
        running.kill_all()

    steps = asking(
        AskingDeps(
            world=world,
            place=place,
            running=running,
            parallel=settings.concurrency or 1,
            memory_limit_gb=settings.memory_limit_gb,
        )
    )
    asked = DirectDeps(
        world=world,
        performance=parts.performance,
        timeout_ms=settings.timeout_ms,
        endpoint=endpoint,
        default=profiles[0],
        profile=described,
        key=None,
        encode=encoded,
        answer=steps.answer,
        open=steps.open,
    )
    return Success(made_client(asked, profiles=profiles, list_models=publish(list_models), health=publish(health), close=close))


async def _unfit(place: Place, who: Who, parts: ClientParts, running: Running) -> LLMError | None:
    """What stands in the way of asking the program for its version, if anything does."""
    words = (*place.program, errors.TALKING, "--version")
    try:
        process, complaints = await start(words, parts.world.environ, running)
    except OSError as error:
        return errors.not_started(error, words[0], who)
    try:
        while (chunk := await read(process, _LOOKING_SECONDS)) != b"":
            if chunk is None:
                return errors.silent(who, _LOOKING_SECONDS)
        last = await last_words(process, complaints, _LOOKING_SECONDS)
        if last is None:
            return errors.silent(who, _LOOKING_SECONDS)
        return None if last[0] == 0 else errors.ended_badly(*last, who)
    finally:
        await finish(process, complaints, running)
