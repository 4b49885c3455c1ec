"""What is wrong with a request whoever is asked: found before anything is planned or sent, with the field and the remedy."""

from operator import attrgetter
from typing import Final, get_args

from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.messages import UseTool
from llm_manager.domain.requests import (
    AnyJson,
    CachePolicy,
    Complexity,
    JsonSchema,
    LLMRequest,
    PlainText,
    Preferences,
    Priority,
    PromptCache,
    Reasoning,
    RequestMetadata,
    Sensitivity,
    TaskType,
)
from llm_manager.policies.deadlines import Patient
from llm_manager.policies.message_faults import messages_fault, order_fault, tools_fault
from llm_manager.policies.value_faults import (
    LARGEST,
    MOST_CHARACTERS,
    choice_fault,
    is_object,
    kind,
    number_fault,
    text_fault,
    texts_fault,
    whole_fault,
)

HOTTEST: Final = 2
"""The highest temperature that any provider takes."""
_TOOL_CHOICES: Final = ("auto", "none", "required")
_SENSITIVITIES: Final = get_args(Sensitivity)
_CACHES: Final = get_args(CachePolicy)
_REQUEST_WORDS: Final = (
    ("sensitivity", _SENSITIVITIES, False),
    ("cache", _CACHES, True),
    ("task_type", get_args(TaskType), False),
    ("complexity", get_args(Complexity), False),
    ("priority", get_args(Priority), True),
)
"""Fields of a request that hold a word of a few, and whether one must be there."""
_PATIENCE: Final = (
    ("timeout_ms", "leave it out for the usual patience"),
    ("deadline_ms", "leave it out for no deadline of its own"),
)
_WISHES: Final = ("model", "provider")
_SWITCHES: Final = ("exact", "strict_parameters")
_USUAL_PREFERENCES: Final = Preferences()
_fields = attrgetter(
    "messages", "system", "task_type", "complexity", "sensitivity", "preferences", "tools", "tool_choice", "output", "timeout_ms",
    "deadline_ms", "priority", "cache",
)  # fmt: skip
_USUAL: Final = _fields(LLMRequest())
_NOBODY: Final = LLMRequest().metadata


def check_request(request: LLMRequest) -> InvalidRequest | None:
    """Say what no provider could answer in this request; None when there is nothing.

    >>> check_request(LLMRequest(" ")).message
    'prompt: it is empty; give it a text, or messages'
    >>> check_request(LLMRequest("Hello")) is None
    True
    """
    if type(request) is LLMRequest and _fields(request) == _USUAL:  # the usual request: nothing else can be wrong
        prompt = request.prompt
        if type(prompt) is str and prompt and not prompt.isspace() and len(prompt) <= MOST_CHARACTERS and not_asked(request) is None:
            return None
    unfit = check_fields(request)
    if unfit is not None:
        return unfit
    wrong = _together(request)
    return None if wrong is None else InvalidRequest(message=wrong, request=request)


def check_fields(request: LLMRequest) -> InvalidRequest | None:
    """Say which field cannot be read, or holds what it never may; what fields are together is not looked at."""
    strange = not_asked(request)
    if strange is not None:
        return strange
    wrong = (
        _words(request)
        or _texts(request)
        or _preferences(request.preferences)
        or (messages_fault(request.messages) if request.messages != () else None)
        or (tools_fault(request.tools) if request.tools != () else None)
        or _choice(request.tool_choice)
        or _output(request.output)
        or patience_fault(request)
    )
    return None if wrong is None else InvalidRequest(message=wrong, request=request)


def not_asked(request: object, form: type = LLMRequest) -> InvalidRequest | None:
    """Say that it is no request at all, or on whose behalf cannot be told: nothing can be done with it.

    >>> not_asked("Hello").message
    "request: it is of type str; give an LLMRequest: LLMRequest('...')"
    """
    if type(request) is LLMRequest and request.metadata is _NOBODY and form is LLMRequest:  # the usual request
        return None
    if not isinstance(request, form):
        name = form.__name__
        article = "an" if name[0] in "AEIOL" else "a"
        return InvalidRequest(message=f"request: it is of type {kind(request)}; give {article} {name}: {name}('...')")
    metadata: object = getattr(request, "metadata", None)
    if not isinstance(metadata, RequestMetadata):
        return InvalidRequest(message=f"metadata: it is of type {kind(metadata)}; give a RequestMetadata")
    if not (_is_name(metadata.feature) and _is_name(metadata.user) and _is_name(metadata.tenant)):
        return InvalidRequest(message="metadata: feature, user or tenant is no text; give texts, or leave them out")
    if metadata.tags and texts_fault(metadata.tags):
        return InvalidRequest(message="metadata.tags: it is no tuple of texts; give one")
    return None


def _is_name(said: object) -> bool:
    return said is None or isinstance(said, str)


def _words(request: LLMRequest) -> str | None:
    for field, allowed, needed in _REQUEST_WORDS:
        value = getattr(request, field)
        if (value is not None or needed) and (wrong := choice_fault(value, allowed)) is not None:
            return f"{field}: {wrong}"
    return None


def _texts(request: LLMRequest) -> str | None:
    for field, value in (("prompt", request.prompt), ("system", request.system)):
        if value is not None and (wrong := text_fault(value)) is not None:
            return f"{field}: {wrong}"
    return None


def _preferences(said: object) -> str | None:
    if said is _USUAL_PREFERENCES:
        return None
    if not isinstance(said, Preferences):
        return f"preferences: it is of type {kind(said)}; give a Preferences: Preferences(temperature=0.2)"
    wrong = _numbers(said)
    if wrong is not None:
        return f"preferences.{wrong}"
    if said.stop != () and (wrong := texts_fault(said.stop)) is not None:
        return f"preferences.stop: {wrong}"
    if said.reasoning is not None and (wrong := choice_fault(said.reasoning, get_args(Reasoning))) is not None:
        return f"preferences.reasoning: {wrong}"
    if said.prompt_cache is not None and (wrong := choice_fault(said.prompt_cache, get_args(PromptCache))) is not None:
        return f"preferences.prompt_cache: {wrong}"
    for field in _WISHES:
        if (name := getattr(said, field)) is not None and not isinstance(name, str):
            return f"preferences.{field}: it is of type {kind(name)}; give its name as a text"
    for field in _SWITCHES:
        if not isinstance(value := getattr(said, field), bool):
            return f"preferences.{field}: it is of type {kind(value)}; give True or False"
    return None


def _numbers(said: Preferences) -> str | None:
    if said.max_tokens is not None and (wrong := whole_fault(said.max_tokens, 1, "leave it out for no limit")) is not None:
        return f"max_tokens: {wrong}"
    if said.temperature is not None and (wrong := number_fault(said.temperature, HOTTEST)) is not None:
        return f"temperature: {wrong}"
    if said.top_p is not None and (wrong := number_fault(said.top_p, 1)) is not None:
        return f"top_p: {wrong}"
    if said.seed is not None and (wrong := whole_fault(said.seed, -LARGEST, "give a smaller one")) is not None:
        return f"seed: {wrong}"
    return None


def _choice(choice: object) -> str | None:
    if choice == "auto" or isinstance(choice, UseTool):
        return None
    wrong = choice_fault(choice, _TOOL_CHOICES, otherwise=', or UseTool(name="...")')
    return None if wrong is None else f"tool_choice: {wrong}"


def _output(output: object) -> str | None:
    if isinstance(output, JsonSchema):
        if not is_object(output.schema):
            return "output.schema: it is no JSON object; give a schema as a mapping"
        wrong = text_fault(output.name)
        return None if wrong is None else f"output.name: {wrong}"
    if isinstance(output, PlainText | AnyJson):
        return None
    return f"output: it is of type {kind(output)}; give PlainText(), AnyJson() or JsonSchema(schema=...)"


def _together(request: LLMRequest) -> str | None:
    """What is wrong with fields that are right one by one."""
    prompt, choice = request.prompt, request.tool_choice
    if not request.messages:
        if prompt is None or not prompt or prompt.isspace():
            return "prompt: it is empty; give it a text, or messages"
    elif (wrong := order_fault(request.messages)) is not None:
        return wrong
    elif prompt is not None and (not prompt or prompt.isspace()):
        return "prompt: it is empty; leave it out when messages say everything"
    if isinstance(choice, UseTool) and all(tool.name != choice.name for tool in request.tools):
        return "tool_choice: it names none of the tools; name one that is in tools"
    if choice == "required" and not request.tools:
        return "tool_choice: a call is required and there are no tools; give some, or choose auto"
    return None


def patience_fault(asked: Patient) -> str | None:
    """What is wrong with the time that is given; None when there is nothing."""
    for field, remedy in _PATIENCE:
        if (value := getattr(asked, field)) is not None and (wrong := whole_fault(value, 1, remedy)) is not None:
            return f"{field}: {wrong}"
    return None
