"""From a request to the bytes that are sent: the same request always gives the same bytes, written as not streamed."""

from typing import Any, Final
from urllib.parse import quote

from returns.result import Result

from llm_manager.clients.contents import schema_in_words, schema_was_told
from llm_manager.clients.data.gemini_manners import TOOLS_OR_JSON, efforts_of
from llm_manager.clients.fitting import Defaults, Sampling, UnfitError, left_out, sampling, tools_for, written
from llm_manager.clients.gemini.turns import instructions_of, turns_of
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, PlainText, Reasoning
from llm_manager.domain.wire_requests import WireRequest

GENERATE: Final = ":generateContent"
_STREAM: Final = ":streamGenerateContent?alt=sse"
_MODES: Final = {"none": "NONE", "required": "ANY"}
_JSON: Final = "application/json"


def encode(request: LLMRequest, profile: ModelProfile, defaults: Defaults) -> Result[WireRequest, LLMError]:
    """Say a request in Gemini's words; what a model refuses is left out with a notice."""
    return written(request, f"/{resource_of(profile.name)}{GENERATE}", lambda notices: _body(request, profile, defaults, notices))


def streamed(path: str) -> str:
    """Where the same request is answered piece by piece.

    >>> streamed("/models/m:generateContent")
    '/models/m:streamGenerateContent?alt=sse'
    """
    return path.removesuffix(GENERATE) + _STREAM


def resource_of(model: str) -> str:
    """A model as Gemini names it in paths and in requests, whatever its name holds.

    >>> resource_of("gemini-x"), resource_of("models/gemini-x"), resource_of("tunedModels/mine"), resource_of("a?b/../c")
    ('models/gemini-x', 'models/gemini-x', 'tunedModels/mine', 'models/a%3Fb%2F..%2Fc')
    """
    kind, slash, name = model.partition("/")
    if not slash or kind not in ("models", "tunedModels"):
        kind, name = "models", model
    return f"{kind}/{quote(name, safe='', errors='surrogatepass')}"


def _body(request: LLMRequest, profile: ModelProfile, defaults: Defaults, notices: list[str]) -> dict[str, Any]:
    body: dict[str, Any] = {"contents": turns_of(request, profile)}
    if not body["contents"]:
        raise UnfitError("there is nothing to ask: give a prompt or messages")
    instructions = instructions_of(request)
    if request.tools or isinstance(request.tool_choice, UseTool):
        _add_tools(body, request, profile)
    strict = defaults.strict(request)
    config = _config(sampling(request, profile, defaults, notices), profile, notices, strict=strict)
    if not isinstance(request.output, PlainText):
        _add_form(config, instructions, request, profile, notices)
    if instructions:
        body["systemInstruction"] = {"parts": [{"text": text} for text in instructions]}
    if config:
        body["generationConfig"] = config
    return body


def _add_tools(body: dict[str, Any], request: LLMRequest, profile: ModelProfile) -> None:
    tools_for(request, profile)
    choice = request.tool_choice
    body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
    if isinstance(choice, UseTool):
        body["toolConfig"] = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [choice.name]}}
    elif choice != "auto":
        body["toolConfig"] = {"functionCallingConfig": {"mode": _MODES[choice]}}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": dict(tool.input_schema)}


def _config(wanted: Sampling, profile: ModelProfile, notices: list[str], *, strict: bool) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if wanted.max_tokens is not None:
        config["maxOutputTokens"] = wanted.max_tokens
    if wanted.temperature is not None:
        config["temperature"] = wanted.temperature
    if wanted.top_p is not None:
        config["topP"] = wanted.top_p
    if wanted.stop:
        config["stopSequences"] = wanted.stop
    if wanted.seed is not None:
        config["seed"] = wanted.seed
    if wanted.reasoning is not None:
        _add_thinking(config, wanted.reasoning, profile, notices, strict=strict)
    return config


def _add_thinking(config: dict[str, Any], wanted: Reasoning, profile: ModelProfile, notices: list[str], *, strict: bool) -> None:
    """How much to think, by level or by tokens as the model takes it; its thoughts are told when it is asked to think."""
    efforts = efforts_of(profile.name)
    if efforts is None:
        if wanted != "off":
            left_out(f"{profile.name} does not think before it answers", "reasoning was left out", notices, strict=strict)
        return
    effort = efforts[wanted]
    if wanted == "off" and effort != 0:
        left_out(f"{profile.name} cannot be kept from thinking", "it was told to think as little as it can", notices, strict=strict)
    if isinstance(effort, int):
        effort = _within(effort, least=efforts["off"], limit=config.get("maxOutputTokens"))
    config["thinkingConfig"] = {"thinkingBudget" if isinstance(effort, int) else "thinkingLevel": effort}
    if wanted != "off":
        config["thinkingConfig"]["includeThoughts"] = True


def _within(budget: int, *, least: int | str, limit: int | None) -> int:
    """A budget that leaves half of the answer's limit to the answer: what is thought counts against it."""
    return budget if limit is None or isinstance(least, str) else max(least, min(budget, limit // 2))


def _add_form(config: dict[str, Any], instructions: list[str], request: LLMRequest, profile: ModelProfile, notices: list[str]) -> None:
    """The form of the answer: as a setting, or in words to a model that takes no such setting, alone or beside tools."""
    form = request.output
    beside_tools = bool(request.tools) and profile.name.startswith(TOOLS_OR_JSON)
    if not beside_tools:
        config["responseMimeType"] = _JSON
    if isinstance(form, JsonSchema):
        if profile.json_schema and not beside_tools:
            config["responseJsonSchema"] = dict(form.schema)
            return
        instructions.append(schema_in_words(form))
        notices.append(schema_was_told(profile, "no JSON schema beside tools" if beside_tools else "no JSON schema"))
    elif isinstance(form, AnyJson) and beside_tools:
        instructions.append("Answer with one JSON value and nothing else.")
        notices.append(f"{profile.name} takes no form of JSON beside tools: it was told so in words, and may not keep to it")
