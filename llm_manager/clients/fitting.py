"""Fitting a request to a model, the same way in every dialect: what it does not take is left out with a notice, or refused."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

import msgspec
from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.messages import ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest, PromptCache, Reasoning
from llm_manager.domain.wire_requests import WireRequest


class UnfitError(Exception):
    """The request cannot be said in this dialect, or to this model; never leaves an encoder."""


@frozen(kw_only=True)
class Defaults:
    """What settings say where a request says nothing."""

    max_tokens: int | None = None
    temperature: float | None = None
    prompt_cache: PromptCache | None = None
    strict_parameters: bool = False
    context_length: int | None = None

    def strict(self, request: LLMRequest) -> bool:
        """Whether what a model does not take is refused, rather than left out with a notice."""
        return self.strict_parameters or request.preferences.strict_parameters


def defaults_of(settings: ProviderSettings, *, keeps_prompts: bool = False) -> Defaults:
    """What a provider's settings say; ``keeps_prompts`` as in `sampling`."""
    return Defaults(
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        prompt_cache=settings.prompt_cache if keeps_prompts else None,
        strict_parameters=settings.strict_parameters,
        context_length=settings.context_length,
    )


@frozen(kw_only=True)
class Sampling:
    """How the answer is to be made, as far as the model takes it; None and empty are not sent."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: Reasoning | None = None


_NOTHING_ASKED: Final = Sampling()
_NEITHER: Final = (None, None)


def sampling(
    request: LLMRequest, profile: ModelProfile, defaults: Defaults, notices: list[str], *, keeps_prompts: bool = False
) -> Sampling:
    """What the request and the settings ask of the model, less what it refuses (`ModelProfile.unsupported`).

    ``keeps_prompts`` says that it can be told how long to keep the beginning of a prompt.
    """
    wanted = request.preferences
    strict = defaults.strict(request)
    if not keeps_prompts and (wanted.prompt_cache or defaults.prompt_cache or "off") != "off":
        left_out(f"{profile.name} cannot be told to keep a prompt", "prompt_cache was left out", notices, strict=strict)
    limit = defaults.max_tokens if wanted.max_tokens is None else wanted.max_tokens
    temperature = defaults.temperature if wanted.temperature is None else wanted.temperature
    if limit is None and temperature is None and not (wanted.stop or wanted.reasoning) and (wanted.top_p, wanted.seed) == _NEITHER:
        return _NOTHING_ASKED

    def takes(name: str, value: object) -> bool:
        if value is None or value == ():
            return False
        if name not in profile.unsupported:
            return True
        left_out(f"{profile.name} takes no {name}", "it was left out", notices, strict=strict)
        return False

    return Sampling(
        max_tokens=limit if takes("max_tokens", limit) else None,
        temperature=_finite("temperature", temperature) if takes("temperature", temperature) else None,
        top_p=_finite("top_p", wanted.top_p) if takes("top_p", wanted.top_p) else None,
        stop=wanted.stop if takes("stop", wanted.stop) else (),
        seed=wanted.seed if takes("seed", wanted.seed) else None,
        reasoning=wanted.reasoning if takes("reasoning", wanted.reasoning) else None,
    )


def left_out(why: str, instead: str, notices: list[str], *, strict: bool) -> None:
    """Tell that the model does not do as asked, and what was done instead; or refuse the request."""
    if strict:
        raise UnfitError(f"{why}, and strict_parameters is set")
    notices.append(f"{why}: {instead}")


def tools_for(request: LLMRequest, profile: ModelProfile) -> tuple[ToolSpec, ...]:
    """The tools that may be called: all of them, or the one that is named."""
    tools, choice = request.tools, request.tool_choice
    if not profile.tools:
        raise UnfitError(f"{profile.name} takes no tools")
    if isinstance(choice, UseTool):
        tools = tuple(tool for tool in tools if tool.name == choice.name)
        if not tools:
            raise UnfitError(f"tool_choice names {choice.name}, which is not among the tools")
    return tools


def written(request: LLMRequest | None, path: str, body: Callable[[list[str]], Mapping[str, Any]]) -> Result[WireRequest, LLMError]:
    """The request as bytes; ``body`` says it in a dialect's words, adding notices, and may raise `UnfitError`."""
    notices: list[str] = []
    try:
        encoded = ENCODER.encode(body(notices))
    except UnfitError as unfit:
        return Failure(InvalidRequest(message=str(unfit), request=request))
    except (TypeError, ValueError, RecursionError):
        return Failure(InvalidRequest(message="the request holds something that JSON cannot say", request=request))
    return Success(WireRequest(path=path, body=encoded, notices=tuple(notices)))


def _finite(name: str, value: float | None) -> float:
    if value is None or not isfinite(value):
        raise UnfitError(f"{name} is not a number that can be sent")
    return value


def _refuse(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} is not JSON")


ENCODER: Final = msgspec.json.Encoder(enc_hook=lambda value: dict(value) if isinstance(value, Mapping) else _refuse(value))
"""Writes any mapping as an object; what is not JSON is a TypeError."""
