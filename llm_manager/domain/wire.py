"""Values to and from plain data: dicts, lists, texts, numbers, booleans and None, as JSON has them.

Every class of a tagged union is written with ``_tag``, its tag (`RequestTimeout` is called TimeoutError there). Bytes
are base64, decimals text. Unknown keys are ignored when reading, unknown tags and wrong types are failures.

Not written: a `Secret` (refused with TypeError), and the request inside `InvalidRequest`, for which its digest stands.
"""

import json
from typing import Any, Generic, TypeVar

from attrs import field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.conversations import Conversation, ConversationDescription, Turn
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import AttemptRecord, LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.local_models import LocalModel, LocalModelDetails, ModelUpdate, PullProgress, RunningModel
from llm_manager.domain.messages import Message, Part, ToolChoice
from llm_manager.domain.models import Endpoint, Health, ModelProfile, Price
from llm_manager.domain.moderation import Moderation, ModerationRequest
from llm_manager.domain.plain_data import MisfitError, canonical, converter, digest
from llm_manager.domain.plans import Plan, RoutingPolicy, Snapshot
from llm_manager.domain.requests import LLMRequest, OutputForm
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.streaming import StreamEvent
from llm_manager.domain.usage import Cost, Credits, TokenCount, Usage

_Value = TypeVar("_Value")

_MOST_MISFITS = 5
_LONGEST_MISFIT = 1000


@frozen
class Kind(Generic[_Value]):
    """A union or class that can be read back, by its name."""

    name: str
    form: Any = field(repr=False)


ERROR: Kind[LLMError] = Kind("LLMError", LLMError)
EVENT: Kind[Event] = Kind("Event", Event)
STREAM_EVENT: Kind[StreamEvent] = Kind("StreamEvent", StreamEvent)
COST: Kind[Cost] = Kind("Cost", Cost)
PRICE: Kind[Price] = Kind("Price", Price)
PART: Kind[Part] = Kind("Part", Part)
OUTPUT_FORM: Kind[OutputForm] = Kind("OutputForm", OutputForm)
TOOL_CHOICE: Kind[ToolChoice] = Kind("ToolChoice", ToolChoice)
REQUEST: Kind[LLMRequest] = Kind("LLMRequest", LLMRequest)
RESPONSE: Kind[LLMResponse] = Kind("LLMResponse", LLMResponse)
MESSAGE: Kind[Message] = Kind("Message", Message)
PLAN: Kind[Plan] = Kind("Plan", Plan)
SNAPSHOT: Kind[Snapshot] = Kind("Snapshot", Snapshot)
ROUTING_POLICY: Kind[RoutingPolicy] = Kind("RoutingPolicy", RoutingPolicy)
PROFILE: Kind[ModelProfile] = Kind("ModelProfile", ModelProfile)
ENDPOINT: Kind[Endpoint] = Kind("Endpoint", Endpoint)
HEALTH: Kind[Health] = Kind("Health", Health)
USAGE: Kind[Usage] = Kind("Usage", Usage)
ATTEMPT_RECORD: Kind[AttemptRecord] = Kind("AttemptRecord", AttemptRecord)
CONVERSATION: Kind[Conversation] = Kind("Conversation", Conversation)
TURN: Kind[Turn] = Kind("Turn", Turn)
DESCRIPTION: Kind[ConversationDescription] = Kind("ConversationDescription", ConversationDescription)
MESSAGES: Kind[tuple[Message, ...]] = Kind("Messages", tuple[Message, ...])
"""What was said, one after the other; it is read back, and no class."""
STATISTICS: Kind[Statistics] = Kind("Statistics", Statistics)
EMBED_REQUEST: Kind[EmbedRequest] = Kind("EmbedRequest", EmbedRequest)
EMBEDDINGS: Kind[Embeddings] = Kind("Embeddings", Embeddings)
MODERATION_REQUEST: Kind[ModerationRequest] = Kind("ModerationRequest", ModerationRequest)
MODERATION: Kind[Moderation] = Kind("Moderation", Moderation)
IMAGE_REQUEST: Kind[ImageRequest] = Kind("ImageRequest", ImageRequest)
MADE_IMAGES: Kind[MadeImages] = Kind("MadeImages", MadeImages)
TOKEN_COUNT: Kind[TokenCount] = Kind("TokenCount", TokenCount)
CREDITS: Kind[Credits] = Kind("Credits", Credits)
LOCAL_MODEL: Kind[LocalModel] = Kind("LocalModel", LocalModel)
LOCAL_MODEL_DETAILS: Kind[LocalModelDetails] = Kind("LocalModelDetails", LocalModelDetails)
RUNNING_MODEL: Kind[RunningModel] = Kind("RunningModel", RunningModel)
PULL_PROGRESS: Kind[PullProgress] = Kind("PullProgress", PullProgress)
MODEL_UPDATE: Kind[ModelUpdate] = Kind("ModelUpdate", ModelUpdate)

UNIONS: tuple[Kind[Any], ...] = (ERROR, EVENT, STREAM_EVENT, COST, PRICE, PART, OUTPUT_FORM, TOOL_CHOICE)
"""The tagged unions."""

KINDS: tuple[Kind[Any], ...] = (
    *UNIONS,
    REQUEST,
    RESPONSE,
    MESSAGE,
    PLAN,
    SNAPSHOT,
    ROUTING_POLICY,
    PROFILE,
    ENDPOINT,
    HEALTH,
    USAGE,
    ATTEMPT_RECORD,
    CONVERSATION,
    TURN,
    DESCRIPTION,
    STATISTICS,
    EMBED_REQUEST,
    EMBEDDINGS,
    MODERATION_REQUEST,
    MODERATION,
    IMAGE_REQUEST,
    MADE_IMAGES,
    TOKEN_COUNT,
    CREDITS,
    LOCAL_MODEL,
    LOCAL_MODEL_DETAILS,
    RUNNING_MODEL,
    PULL_PROGRESS,
    MODEL_UPDATE,
)
"""All that can be read back."""


def to_plain(value: object) -> Any:
    """Write a value of any kind as plain data; a `Secret` anywhere in it is a TypeError."""
    return converter().unstructure(value)


def from_plain(kind: Kind[_Value], data: object) -> Result[_Value, str]:
    """Read plain data; whatever it is, a failure says where it does not fit, and shows none of its values."""
    try:
        return Success(converter().structure(data, kind.form))
    except Exception as fault:  # noqa: BLE001 - cattrs raises groups, KeyError, TypeError and more: any data gets a Result
        return Failure(_told(kind, fault))


def to_json(value: object) -> bytes:
    """Write a value as canonical JSON: the same value always gives the same bytes."""
    return canonical(to_plain(value))


def from_json(kind: Kind[_Value], text: bytes | str) -> Result[_Value, str]:
    """Read JSON; any bytes get a result."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as fault:
        return Failure(f"{kind.name}: not JSON ({type(fault).__name__})")
    return from_plain(kind, data)


def request_digest(request: LLMRequest) -> str:
    """Name a request without telling it: the SHA-256 of its canonical JSON, in hexadecimal."""
    return digest(to_plain(request))


def _told(kind: Kind[Any], fault: Exception) -> str:
    from cattrs import transform_error

    try:
        misfits = transform_error(fault, format_exception=_reason)
    except RecursionError:
        misfits = []
    shallow = [misfit for misfit in misfits if len(misfit) <= _LONGEST_MISFIT]
    return f"{kind.name}: " + ("; ".join(shallow[:_MOST_MISFITS]) or "nested too deeply")


def _reason(fault: BaseException, _: object) -> str:
    if isinstance(fault, MisfitError):
        return str(fault)
    return "missing" if isinstance(fault, KeyError) else "does not fit"
