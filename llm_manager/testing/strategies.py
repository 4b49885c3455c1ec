"""Hypothesis strategies for requests, answers, streams, errors, events and routes: valid ones, as their classes promise.

Each is a function that gives the whole range of its type: every member of a union, every field.
"""

import json
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import attrs
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import AllModelsFailed, AttemptRecord, LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.messages import Message, Part, TextPart, ToolCall, ToolSpec, UseTool
from llm_manager.domain.models import Endpoint, Health, ModelProfile, Price
from llm_manager.domain.moderation import Moderation, ModerationRequest, Verdict
from llm_manager.domain.plans import Candidate, Plan, RoutingPolicy, Snapshot
from llm_manager.domain.requests import LLMRequest, OutputForm, Preferences, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.streaming import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Cost, TokenCount, Usage
from llm_manager.outcomes import Settled
from llm_manager.policies.request_faults import check_request
from llm_manager.testing.values import fields_of, gives, json_objects, json_values, names, texts, values_of

_several_texts = st.lists(texts.filter(len), max_size=6).map(tuple)


def usages() -> st.SearchStrategy[Usage]:
    """Token counts."""
    return values_of(Usage)


def costs() -> st.SearchStrategy[Cost]:
    """Known and unknown costs."""
    return values_of(Cost)


def prices() -> st.SearchStrategy[Price]:
    """Known and unknown prices."""
    return values_of(Price)


def parts() -> st.SearchStrategy[Part]:
    """Text and images."""
    return values_of(Part)


def output_forms() -> st.SearchStrategy[OutputForm]:
    """Prose, any JSON, and JSON of a schema."""
    return values_of(OutputForm)


def tools() -> st.SearchStrategy[tuple[ToolSpec, ...]]:
    """A few tools, no two of one name."""
    return st.lists(values_of(ToolSpec), max_size=3, unique_by=lambda tool: tool.name).map(tuple)


@cache
def tool_calls() -> st.SearchStrategy[tuple[ToolCall, ...]]:
    """Up to three calls with ids of their own, their arguments a JSON object."""
    one = st.builds(ToolCall, id=names, name=names, arguments=json_objects.map(json.dumps))
    return st.lists(one, max_size=3, unique_by=_id_of).map(tuple)


def _id_of(call: ToolCall) -> str:
    return call.id


def _says_something(spoken: list[Part]) -> bool:
    return any(not isinstance(part, TextPart) or part.text for part in spoken)


@cache
def exchanges() -> st.SearchStrategy[tuple[Message, ...]]:
    """A user's words and what followed: an answer, or tool calls, each with its result, and then an answer."""
    told = st.lists(values_of(Part), min_size=1, max_size=2).filter(_says_something)
    calls = st.tuples(tool_calls().filter(len), texts, st.lists(texts, min_size=3, max_size=3))
    return st.builds(_exchange, told, st.just([]) | st.lists(calls, max_size=2), st.none() | texts)


def _exchange(told: list[Part], rounds: list[tuple[tuple[ToolCall, ...], str, list[str]]], answer: str | None) -> tuple[Message, ...]:
    spoken = [Message(role="user", content=tuple(told))]
    for calls, words, results in rounds:
        spoken.append(Message(role="assistant", content=(TextPart(text=words),), tool_calls=calls))
        found = zip(calls, results, strict=False)
        spoken.extend(Message(role="tool", content=(TextPart(text=text),), tool_call_id=call.id) for call, text in found)
    if answer is not None:
        spoken.append(Message(role="assistant", content=(TextPart(text=answer),)))
    return tuple(spoken)


@cache
def messages() -> st.SearchStrategy[tuple[Message, ...]]:
    """What was said so far: every tool call has its result, right after it."""
    return st.lists(exchanges(), max_size=3).map(_joined)


def _joined(turns: list[tuple[Message, ...]]) -> tuple[Message, ...]:
    return tuple(message for turn in turns for message in turn)


@gives(Message)
def _single_messages() -> st.SearchStrategy[Message]:
    return exchanges().flatmap(st.sampled_from)


@gives(Turn)
def turns() -> st.SearchStrategy[Turn]:
    """One exchange as it is kept."""
    return exchanges().map(lambda spoken: Turn(messages=spoken))


@gives(Conversation)
def conversations() -> st.SearchStrategy[Conversation]:
    """A conversation whose version counts its turns."""
    built = st.builds(Conversation, **fields_of(Conversation))
    return built.map(lambda kept: attrs.evolve(kept, version=len(kept.turns)))


@gives(Preferences)
def preferences() -> st.SearchStrategy[Preferences]:
    """Wishes that a provider may grant."""
    return st.builds(Preferences, **(fields_of(Preferences) | {"stop": st.lists(texts.filter(len), max_size=3).map(tuple)}))


@gives(RequestMetadata)
def metadata() -> st.SearchStrategy[RequestMetadata]:
    """On whose behalf; tags with something in them."""
    return st.builds(RequestMetadata, **(fields_of(RequestMetadata) | {"tags": st.lists(names, max_size=3).map(tuple)}))


@gives(LLMRequest)
def requests(*, valid: bool = True, models: Iterable[ModelProfile] | None = None) -> st.SearchStrategy[LLMRequest]:
    """Requests that `check_request` lets through; with ``valid=False`` also those that it refuses, for a field or for several.

    The models and providers that they name are made up, so that most managers know none of them; give ``models``
    (``scripted("x").client.profiles``) and they name one of these, or none.
    """
    made = _requests(None if models is None else tuple(models))
    return made.filter(_is_valid) if valid else made | made.flatmap(_spoilt)


def plain_requests(*, models: Iterable[ModelProfile] | None = None) -> st.SearchStrategy[LLMRequest]:
    """A prompt, who is asked, and how much it matters: many times as quick as `requests`, for what does not look at the content."""
    return _plain_requests(None if models is None else tuple(models))


@cache
def _plain_requests(models: tuple[ModelProfile, ...] | None) -> st.SearchStrategy[LLMRequest]:
    wishes = st.just(Preferences()) if models is None else _naming_one_of(st.just(Preferences()), models)
    chosen = {name: values for name, values in fields_of(LLMRequest).items() if name in ("priority", "cache")}
    return st.builds(LLMRequest, prompt=texts.filter(str.strip), preferences=wishes, **chosen)


def _is_valid(request: LLMRequest) -> bool:
    return check_request(request) is None


@cache
def _requests(models: tuple[ModelProfile, ...] | None) -> st.SearchStrategy[LLMRequest]:
    fields = fields_of(LLMRequest) | {
        "messages": messages(),
        "prompt": st.none() | texts.filter(str.strip),
        "tools": tools(),
        "tool_choice": st.sampled_from(("auto", "none", "required", 0, 1, 2)),
    }
    if models is not None:
        fields["preferences"] = _naming_one_of(preferences(), models)
    return st.builds(_agreeing, st.fixed_dictionaries(fields))


def _agreeing(fields: dict[str, Any]) -> LLMRequest:
    """Something is asked, and a tool that must be called is there."""
    chosen, given = fields["tool_choice"], fields["tools"]
    if not given:
        fields["tool_choice"] = "auto"
    elif isinstance(chosen, int):
        fields["tool_choice"] = UseTool(name=given[chosen % len(given)].name)
    if fields["prompt"] is None and not fields["messages"]:
        fields["prompt"] = "hello"
    return LLMRequest(**fields)


def _naming_one_of(wishes: st.SearchStrategy[Preferences], models: tuple[ModelProfile, ...]) -> st.SearchStrategy[Preferences]:
    return st.builds(_naming, wishes, st.sampled_from((None, *models)), st.sampled_from(("model", "provider", "both")))


def _naming(wishes: Preferences, model: ModelProfile | None, how: str) -> Preferences:
    name = None if model is None or how == "provider" else model.name
    provider = None if model is None or how == "model" else model.provider
    return attrs.evolve(wishes, model=name, provider=provider, exact=wishes.exact and model is not None)


def _spoilt(request: LLMRequest) -> st.SearchStrategy[LLMRequest]:
    """The same request with one field that may hold anything of another type, or what its type does not tell to be wrong."""
    blank = st.sampled_from(("", " ", "\n")).map(lambda text: attrs.evolve(request, prompt=text))
    unanswered = tool_calls().filter(len).map(lambda calls: Message(role="assistant", tool_calls=calls))
    open_calls = unanswered.map(lambda message: attrs.evolve(request, messages=(*request.messages, message)))
    anything = st.sampled_from([field.name for field in attrs.fields(LLMRequest)]).flatmap(
        lambda name: json_values.map(lambda value: attrs.evolve(request, **{name: value}))
    )
    numbers = st.integers(-(10**20), 0).map(lambda number: attrs.evolve(request, timeout_ms=number, deadline_ms=number))
    said: st.SearchStrategy[Any] = st.sampled_from(("Public", "privat", "", True))
    labels = said.map(lambda label: attrs.evolve(request, sensitivity=label))
    return blank | open_calls | anything | numbers | labels


@gives(LLMResponse)
def responses() -> st.SearchStrategy[LLMResponse]:
    """A whole answer; it has tool calls exactly when it ended for them."""

    def agreeing(answer: LLMResponse) -> LLMResponse:
        ended = "tool_calls" if answer.tool_calls else "stop" if answer.finish == "tool_calls" else answer.finish
        return attrs.evolve(answer, finish=ended)

    return st.builds(LLMResponse, **(fields_of(LLMResponse) | {"tool_calls": tool_calls()})).map(agreeing)


@gives(AllModelsFailed)
def _all_models_failed() -> st.SearchStrategy[AllModelsFailed]:
    single = st.one_of(*(values_of(member) for member in LLMError.__args__ if member is not AllModelsFailed))
    flat = st.lists(single, max_size=3).map(lambda causes: AllModelsFailed(causes=tuple(causes)))
    return flat | st.lists(single | flat, max_size=2).map(lambda causes: AllModelsFailed(causes=tuple(causes)))


def errors() -> st.SearchStrategy[LLMError]:
    """Every error, with or without an origin."""
    return values_of(LLMError)


def events() -> st.SearchStrategy[Event]:
    """Everything the journal tells."""
    return values_of(Event)


def stream_events() -> st.SearchStrategy[StreamEvent]:
    """Single events of a stream, in no order."""
    return values_of(StreamEvent)


@st.composite
def streams(draw: st.DrawFn) -> list[Settled[StreamEvent, LLMError]]:
    """A whole stream that keeps the law: pieces, then the answer they add up to, or one failure."""
    answer = draw(responses())
    told: list[StreamEvent] = [ReasoningDelta(text=piece) for piece in draw(_cut(answer.reasoning))]
    told += [TextDelta(text=piece) for piece in draw(_cut(answer.content))]
    for index, call in enumerate(answer.tool_calls):
        told.append(ToolCallDelta(index=index, id=call.id, name=call.name))
        told += [ToolCallDelta(index=index, arguments=piece) for piece in draw(_cut(call.arguments))]
    settled: list[Settled[StreamEvent, LLMError]] = [Success(event) for event in told]
    if draw(st.booleans()):
        return [*settled, Success(StreamFinished(response=answer))]
    return [*settled[: draw(st.integers(0, len(settled)))], Failure(draw(errors()))]


def _cut(text: str) -> st.SearchStrategy[list[str]]:
    places = st.lists(st.integers(0, len(text)), max_size=3).map(lambda cuts: sorted({0, *cuts, len(text)}))
    return places.map(lambda cuts: [text[start:end] for start, end in pairwise(cuts)])


def profiles() -> st.SearchStrategy[ModelProfile]:
    """Models of every kind."""
    return values_of(ModelProfile)


def endpoints() -> st.SearchStrategy[Endpoint]:
    """Local and cloud endpoints."""
    return values_of(Endpoint)


def healths() -> st.SearchStrategy[Health]:
    """Endpoints well and ill."""
    return values_of(Health)


@gives(Candidate)
@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """A model at an endpoint of its own provider and locality."""
    one = draw(st.builds(Candidate, **fields_of(Candidate)))
    endpoint = attrs.evolve(one.endpoint, provider=one.profile.provider, locality=one.profile.locality)
    return attrs.evolve(one, endpoint=endpoint)


@gives(Snapshot)
def snapshots() -> st.SearchStrategy[Snapshot]:
    """What is known when a route is chosen: no model twice."""
    several = st.lists(values_of(Candidate), max_size=5, unique_by=lambda one: (one.profile.provider, one.profile.name))
    return st.builds(Snapshot, **(fields_of(Snapshot) | {"candidates": several.map(tuple)}))


def routing_policies() -> st.SearchStrategy[RoutingPolicy]:
    """Every setting of routing."""
    return values_of(RoutingPolicy)


def plans() -> st.SearchStrategy[Plan]:
    """Routes, sensible or not."""
    return values_of(Plan)


def attempt_records() -> st.SearchStrategy[AttemptRecord]:
    """Lines of a ledger."""
    return values_of(AttemptRecord)


def statistics() -> st.SearchStrategy[Statistics]:
    """What has been seen of models."""
    return values_of(Statistics)


@gives(EmbedRequest)
def embed_requests() -> st.SearchStrategy[EmbedRequest]:
    """Texts to be vectors, some of them equal."""
    return st.builds(EmbedRequest, **(fields_of(EmbedRequest) | {"texts": _several_texts, "dimensions": st.none() | st.integers(1, 4096)}))


@gives(Embeddings)
@st.composite
def embeddings(draw: st.DrawFn) -> Embeddings:
    """Vectors of one length, of which no more came from memory than there are."""
    vector = st.lists(st.floats(-1, 1), min_size=(length := draw(st.integers(0, 4))), max_size=length).map(tuple)
    vectors = draw(st.lists(vector, max_size=4).map(tuple))
    fields = fields_of(Embeddings) | {"vectors": st.just(vectors), "remembered": st.integers(0, len(vectors))}
    return draw(st.builds(Embeddings, **fields))


@gives(ModerationRequest)
def moderation_requests() -> st.SearchStrategy[ModerationRequest]:
    """Texts to be judged, at least one."""
    return st.builds(ModerationRequest, **(fields_of(ModerationRequest) | {"texts": _several_texts.filter(len)}))


@gives(Verdict)
@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    """What is said of one text: flagged exactly when a category is."""
    scores = draw(st.dictionaries(names, st.floats(0, 1), max_size=3))
    categories = {name: score >= 0.5 for name, score in scores.items()}
    return Verdict(flagged=any(categories.values()), categories=categories, scores=scores)


def moderations() -> st.SearchStrategy[Moderation]:
    """Verdicts of one provider."""
    return values_of(Moderation)


@gives(ImageRequest)
def image_requests() -> st.SearchStrategy[ImageRequest]:
    """Pictures to be made: a few, of some words."""
    fields = {"prompt": texts.filter(str.strip), "count": st.integers(1, 10)}
    return st.builds(ImageRequest, **(fields_of(ImageRequest) | fields))


def made_images() -> st.SearchStrategy[MadeImages]:
    """Pictures made, as bytes or addresses."""
    return values_of(MadeImages)


def token_counts() -> st.SearchStrategy[TokenCount]:
    """Counts, exact or guessed."""
    return values_of(TokenCount)
