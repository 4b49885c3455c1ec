"""From a request to the bytes that are sent: the same request always gives the same bytes, written as not streamed."""

from typing import Any, Final

from msgspec.structs import replace
from returns.result import Result

from llm_manager.clients.anthropic_messages.fit import Fit, fit_of
from llm_manager.clients.anthropic_messages.forms import in_words, is_open, native
from llm_manager.clients.anthropic_messages.thinking import REDACTED, THINKING, Wish, awaits_tools, returned, wish
from llm_manager.clients.anthropic_messages.turns import Block, system_texts, turns
from llm_manager.clients.data.anthropic import BINDING_BETA, Manner
from llm_manager.clients.fitting import Defaults, Sampling, UnfitError, sampling, tools_for, written
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, PlainText, PromptCache
from llm_manager.domain.wire_requests import WireRequest

PATH: Final = "/v1/messages"
COUNT_PATH: Final = "/v1/messages/count_tokens"
_HOTTEST: Final = 1.0
_STREAMED: Final = b',"stream":true}'
_COUNTED: Final = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
_TTL: Final[dict[PromptCache, Block]] = {"short": {"type": "ephemeral"}, "long": {"type": "ephemeral", "ttl": "1h"}}
_THOUGHTS: Final = (THINKING, REDACTED)
_BOUND: Final = {"prefix_mismatch_behavior": "drop_block"}


def encode(request: LLMRequest, profile: ModelProfile, defaults: Defaults) -> Result[WireRequest, LLMError]:
    """Say a request in Claude's words; what the model refuses is left out with a notice, or refused when that is asked for."""
    bound: list[tuple[str, str]] = []

    def body(notices: list[str]) -> dict[str, Any]:
        whole = _body(request, profile, defaults, notices)
        if "block_binding" in whole.get("thinking", ()):
            bound.append(("anthropic-beta", BINDING_BETA))
        return whole

    made = written(request, PATH, body)
    return made.map(lambda wire: replace(wire, headers=tuple(bound))) if bound else made


def encode_count(request: LLMRequest, profile: ModelProfile, defaults: Defaults) -> Result[WireRequest, LLMError]:
    """The same request as a question for its tokens: what does not bear on them is left out."""

    def body(notices: list[str]) -> dict[str, Any]:
        whole = _body(request, profile, defaults, notices)
        return {key: whole[key] for key in _COUNTED if key in whole}

    return written(request, COUNT_PATH, body)


def streamed(body: bytes) -> bytes:
    """The same request, to be answered piece by piece.

    >>> streamed(b'{"model":"m"}')
    b'{"model":"m","stream":true}'
    """
    return body[:-1] + _STREAMED


def _body(request: LLMRequest, profile: ModelProfile, defaults: Defaults, notices: list[str]) -> dict[str, Any]:
    fit = fit_of(request, profile, defaults, notices)
    wanted = sampling(request, profile, defaults, notices, keeps_prompts=True)
    forced = bool(request.tools) and request.tool_choice not in ("auto", "none")
    mind = wish(wanted.reasoning, wanted.max_tokens, fit, forced=forced, unsigned=_unsigned(request, profile))
    system = system_texts(request.messages, request.system)
    messages = turns(request.messages, request.prompt, profile, takes_back=mind.takes_back)
    if not messages:
        raise UnfitError("there is nothing to ask: give a prompt or messages")
    body: dict[str, Any] = {"model": profile.name, "max_tokens": mind.max_tokens, "messages": messages}
    if request.tools or isinstance(request.tool_choice, UseTool):
        _add_tools(body, system, request, fit)
    config = {} if isinstance(request.output, PlainText) else _form(system, request.output, fit)
    if mind.effort is not None:
        config["effort"] = mind.effort
    if config:
        body["output_config"] = config
    _add_thinking(body, mind, fit.manner)
    _add_sampling(body, wanted, fit, thinks=mind.thinking is not None)
    if system:
        body["system"] = [{"type": "text", "text": text} for text in system]
    cache = _TTL.get(request.preferences.prompt_cache or defaults.prompt_cache or "off")
    if cache is not None:
        _keep(body, cache)
    return body


def _add_thinking(body: dict[str, Any], mind: Wish, manner: Manner) -> None:
    """How to think. Thoughts that no longer fit their conversation, shortened since, are left out by the provider, not refused."""
    if mind.thinking is not None:
        body["thinking"] = mind.thinking
    if manner.bound and any(block["type"] in _THOUGHTS for turn in body["messages"] for block in turn["content"]):
        body["thinking"] = {"type": "adaptive", **(mind.thinking or {}), "block_binding": _BOUND}


def _unsigned(request: LLMRequest, profile: ModelProfile) -> bool:
    """Whether tools answer a message of the model's that goes back without its thinking."""
    asking = awaits_tools(request.messages) if request.prompt is None else None
    return asking is not None and not returned(asking.thoughts, profile)


def _add_sampling(body: dict[str, Any], wanted: Sampling, fit: Fit, *, thinks: bool) -> None:
    temperature, top_p = wanted.temperature, wanted.top_p
    if thinks and (temperature is not None or top_p is not None):
        fit.give_way("takes no temperature and no top_p while it reasons", "they were left out")
        temperature = top_p = None
    if temperature is not None and top_p is not None and not fit.manner.temperature_beside_top_p:
        fit.give_way("takes temperature or top_p, not both", "top_p was left out")
        top_p = None
    if temperature is not None and temperature > _HOTTEST and fit.manner.sampling != "always":
        fit.give_way("takes a temperature of at most 1", "it was lowered")
        temperature = _HOTTEST
    if temperature is not None:
        body["temperature"] = temperature
    if top_p is not None:
        body["top_p"] = top_p
    if stops := [stop for stop in wanted.stop if stop.strip()]:
        body["stop_sequences"] = stops


def _add_tools(body: dict[str, Any], system: list[str], request: LLMRequest, fit: Fit) -> None:
    forced, tools, choice = tools_for(request, fit.profile), request.tools, request.tool_choice
    if choice not in ("auto", "none") and not fit.manner.forced_tools:
        fit.give_way("cannot be made to call a tool", "it was told to in words")
        tools, named = forced, f"the tool {choice.name}." if isinstance(choice, UseTool) else "one of the tools."
        system.append(f"Do not answer in words: call {named}")
    elif choice != "auto":
        body["tool_choice"] = _choice(choice)
    body["tools"] = [_tool(tool) for tool in tools]


def _choice(choice: object) -> Block:
    if isinstance(choice, UseTool):
        return {"type": "tool", "name": choice.name}
    return {"type": "any" if choice == "required" else "none"}


def _tool(tool: ToolSpec) -> Block:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "input_schema": {"type": "object", **tool.input_schema}}


def _form(system: list[str], form: AnyJson | JsonSchema, fit: Fit) -> dict[str, Any]:
    """How the answer's form is asked for: by its schema, or in words of the system prompt."""
    native_schemas = fit.profile.json_schema
    if isinstance(form, JsonSchema) and native_schemas and not is_open(form.schema):
        return {"format": {"type": "json_schema", "schema": native(form.schema)}}
    system.append(in_words(form))
    what = "JSON without a schema" if isinstance(form, AnyJson) else "JSON schema of open objects" if native_schemas else "JSON schema"
    fit.notices.append(f"{fit.profile.name} takes no {what}: it was told in words, and may not keep to it")
    return {}


def _keep(body: dict[str, Any], cache: Block) -> None:
    """Mark where the provider keeps the prompt: after what stays the same from call to call, and after all of it."""
    if "system" in body:
        body["system"][-1]["cache_control"] = cache
    elif "tools" in body:
        body["tools"][-1]["cache_control"] = cache
    last = body["messages"][-1]["content"][-1]
    if last["type"] not in _THOUGHTS:
        last["cache_control"] = cache
