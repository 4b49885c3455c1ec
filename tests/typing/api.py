"""What type checkers make of the public names; read by mypy and basedpyright, never run."""

# mypy: disable-error-code="unused-awaitable"
# (effects are looked at here and never awaited)

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from decimal import Decimal
from typing import Any, assert_never, assert_type

from attrs import evolve, frozen
from pydantic import BaseModel
from returns.context import RequiresContextFutureResult

from llm_manager import (
    AllModelsFailed,
    AuthenticationFailed,
    BudgetExceeded,
    Cache,
    CacheReport,
    CircuitOpen,
    ConfigurationError,
    ContentFiltered,
    ContextTooLarge,
    Conversation,
    ConversationPage,
    ConversationQuery,
    Credits,
    Embeddings,
    EmbedRequest,
    Failure,
    FutureResult,
    Guards,
    Health,
    ImageRequest,
    InvalidRequest,
    JobLocked,
    LLMConfig,
    LLMError,
    LLMManager,
    LLMRequest,
    LLMResponse,
    MadeImages,
    MalformedResponse,
    ManagerDeps,
    ModelClient,
    ModelProfile,
    ModelRouter,
    ModelUnavailable,
    Moderation,
    ModerationRequest,
    NetworkError,
    OutputInvalid,
    Plan,
    PolicyBlocked,
    Priced,
    QuotaExhausted,
    RateLimitExceeded,
    ReasoningDelta,
    RequestTimeout,
    Result,
    RunReport,
    Settled,
    Snapshot,
    Statistics,
    StorageFailed,
    StreamEvent,
    StreamFinished,
    StreamInterrupted,
    Structured,
    Success,
    TaskClassification,
    TextDelta,
    TokenCount,
    ToolCall,
    ToolCallDelta,
    ToolFailed,
    ToolRun,
    ToolSpec,
    ToolStep,
    Unpriced,
    UsageQuery,
    UsageReport,
    UsageStats,
    Vector,
    blocking,
    check_local_model_health,
    classify,
    collect,
    create_default_llm_manager,
    create_default_local_client,
    default_deps,
    describe,
    load_config,
    make_guards,
    make_llm_manager,
    make_model_client,
    make_model_router,
    programs,
    publish,
    sealed,
    settle,
    tool_from_function,
)

REQUEST = LLMRequest("hello", system="be brief")


def length(text: str) -> int:
    """How long a text is."""
    return len(text)


TOOL = tool_from_function(length).unwrap()


async def confirm(call: ToolCall, spec: ToolSpec) -> bool:
    """One may be asked before a tool does something."""
    return call.name == spec.name


class Modelled(BaseModel):
    """The same, of pydantic."""

    score: int


@frozen
class Review:
    """What an answer is read as."""

    score: int


def making(config: LLMConfig) -> None:
    """Every constructor says what it may fail with."""
    assert_type(load_config(), Result[LLMConfig, LLMError])
    assert_type(load_config("a.toml", {"A": "b"}), Result[LLMConfig, LLMError])
    assert_type(default_deps(config), Result[ManagerDeps, LLMError])
    guards = make_guards(config)
    assert_type(guards, Guards)
    assert_type(default_deps(config, guards=guards), Result[ManagerDeps, LLMError])
    assert_type(make_llm_manager(config), Result[LLMManager, LLMError])
    assert_type(create_default_llm_manager(), Result[LLMManager, LLMError])
    assert_type(make_model_router(config), Result[ModelRouter, LLMError])
    assert_type(make_model_client("lmstudio"), Result[ModelClient, LLMError])
    assert_type(create_default_local_client(), Result[ModelClient, LLMError])
    assert_type(check_local_model_health("http://localhost:1234/v1"), FutureResult[Health, LLMError])
    assert_type(classify(REQUEST), TaskClassification)


def swapping(deps: ManagerDeps, router: ModelRouter, config: LLMConfig) -> None:
    """One part of the whole is replaced with its type kept."""
    assert_type(evolve(deps, router=router), ManagerDeps)
    assert_type(deps.cache, Cache[LLMResponse])
    assert_type(deps.vectors, Cache[Vector])
    assert_type(make_llm_manager(config, evolve(deps, router=router)), Result[LLMManager, LLMError])
    assert_type(router.route(REQUEST, Snapshot()), Result[Plan, LLMError])


async def asking(manager: LLMManager) -> None:
    """Every method gives its own type, with and without await."""
    assert_type(manager.generate(REQUEST), FutureResult[LLMResponse, LLMError])
    assert_type(manager.converse("c", REQUEST), FutureResult[LLMResponse, LLMError])
    assert_type(manager.conversations.find(ConversationQuery()), FutureResult[ConversationPage, LLMError])
    assert_type(manager.generate_as(Review, REQUEST), FutureResult[Structured[Review], LLMError])
    assert_type(manager.generate_as(int, REQUEST), FutureResult[Structured[int], LLMError])
    assert_type(manager.generate_as(Modelled, REQUEST), FutureResult[Structured[Modelled], LLMError])
    assert_type(manager.call_tools(REQUEST, [TOOL], max_steps=3, confirm=lambda *_: True), FutureResult[ToolRun, LLMError])
    assert_type((await settle(manager.call_tools(REQUEST, [], concurrent=2, emulate=True))).unwrap().steps, tuple[ToolStep, ...])
    assert_type(manager.embed(EmbedRequest(("a", "b"))), FutureResult[Embeddings, LLMError])
    assert_type(manager.moderate(ModerationRequest("a")), FutureResult[Moderation, LLMError])
    assert_type(manager.create_image(ImageRequest("a")), FutureResult[MadeImages, LLMError])
    assert_type(manager.count_tokens(REQUEST), FutureResult[TokenCount, LLMError])
    assert_type(manager.credits(), FutureResult[tuple[Credits, ...], LLMError])
    assert_type((await settle(manager.embed(EmbedRequest(word for word in "ab")))).unwrap().vectors, tuple[Vector, ...])
    assert_type(manager.plan(REQUEST), Result[Plan, LLMError])
    assert_type(manager.stats(), Statistics)
    assert_type(manager.usage("openai"), Result[UsageStats, LLMError])
    assert_type(manager.reset_breaker("openai"), Result[None, LLMError])
    assert_type(manager.check_limits(REQUEST), Result[None, LLMError])
    assert_type(manager.reset_usage("day"), Result[None, LLMError])
    assert_type(manager.usage_report(), FutureResult[UsageReport, LLMError])
    assert_type(manager.recall_budgets(), FutureResult[None, LLMError])
    assert_type(manager.forget(model="m", older_than_seconds=1.0), FutureResult[int, LLMError])
    assert_type(manager.cache_statistics(), FutureResult[CacheReport, LLMError])
    assert_type(await settle(manager.remembered(REQUEST)), Settled[bool, LLMError])
    assert_type(await settle(manager.generate(REQUEST)), Settled[LLMResponse, LLMError])
    assert_type(await settle(manager.health()), Settled[tuple[Health, ...], LLMError])
    assert_type(await settle(manager.models()), Settled[tuple[ModelProfile, ...], LLMError])
    async with manager as same:
        assert_type(same, LLMManager)


async def reading(manager: LLMManager) -> str:
    """A settled outcome is one of two, and each has its own type."""
    outcome = await settle(manager.generate_as(Review, REQUEST))
    match outcome:
        case Success(structured):
            assert_type(structured, Structured[Review])
            return str(structured.value.score)
        case Failure(error):
            assert_type(error, LLMError)
            return describe(error)
        case _:
            assert_never(outcome)


async def leaving_early(manager: LLMManager) -> Settled[str, LLMError]:
    """A failure found by `isinstance` keeps its type and may be returned as it is."""
    outcome = await settle(manager.generate(REQUEST))
    if isinstance(outcome, Failure):
        return outcome
    return Success(outcome.unwrap().content)


def sealing(outcome: Result[int, LLMError]) -> int:
    """A `Result` is read through `sealed`."""
    match sealed(outcome):
        case Success(number):
            assert_type(number, int)
            return number
        case Failure(error):
            assert_type(error, LLMError)
            return -1


async def streaming(manager: LLMManager) -> None:
    """Events are a closed union."""
    assert_type(manager.stream(REQUEST), AsyncGenerator[Result[StreamEvent, LLMError], None])
    async with aclosing(manager.stream(REQUEST)) as events:
        async for told in events:
            outcome = sealed(told)
            if isinstance(outcome, Failure):
                assert_type(outcome.failure(), LLMError)
                continue
            event = outcome.unwrap()
            match event:
                case TextDelta(text=text) | ReasoningDelta(text=text):
                    assert_type(text, str)
                case ToolCallDelta(index=index):
                    assert_type(index, int)
                case StreamFinished(response=response):
                    assert_type(response, LLMResponse)
                case _:
                    assert_never(event)
    assert_type(await collect(manager.stream(REQUEST)), Result[LLMResponse, LLMError])


async def batching(manager: LLMManager) -> None:
    """Any iterable of requests goes in; places and answers come out."""
    requests = (LLMRequest(text) for text in ("a", "b"))
    async with aclosing(manager.generate_all(requests, concurrency=2, in_order=True)) as answers:
        async for place, answer in answers:
            assert_type(place, int)
            assert_type(answer, Result[LLMResponse, LLMError])


async def running(manager: LLMManager) -> None:
    """A class given for the output is the class of the values."""
    typed = await settle(manager.run("rows.csv", "Judge {text}", output=Review, to="out.csv"))
    assert_type(typed, Settled[RunReport[Review], LLMError])
    told = await settle(manager.run([{"text": "a"}], lambda row: str(row), output=["score=int"]))
    assert_type(told, Settled[RunReport[Mapping[str, Any]], LLMError])
    for row in typed.unwrap().rows():
        assert_type(row.unwrap().value, Review | None)


def composing(manager: LLMManager) -> None:
    """Effects chain without a plugin's help."""

    def second(answer: LLMResponse) -> FutureResult[LLMResponse, LLMError]:
        return manager.generate(LLMRequest(answer.content))

    def text(answer: LLMResponse) -> str:
        return answer.content

    def rescue(error: LLMError) -> FutureResult[str, LLMError]:
        return FutureResult.from_value(describe(error))

    assert_type(manager.generate(REQUEST).bind(second), FutureResult[LLMResponse, LLMError])
    assert_type(manager.generate(REQUEST).map(text), FutureResult[str, LLMError])
    assert_type(manager.generate(REQUEST).alt(describe), FutureResult[LLMResponse, str])
    assert_type(manager.generate(REQUEST).map(text).lash(rescue), FutureResult[str, LLMError])


def programming(manager: LLMManager) -> None:
    """Programs are given their manager at the edge."""

    def text(answer: LLMResponse) -> str:
        return answer.content

    assert_type(programs.generate(REQUEST), RequiresContextFutureResult[LLMResponse, LLMError, LLMManager])
    assert_type(programs.generate(REQUEST).map(text), RequiresContextFutureResult[str, LLMError, LLMManager])
    assert_type(programs.generate(REQUEST)(manager), FutureResult[LLMResponse, LLMError])
    assert_type(programs.generate_as(Review, REQUEST)(manager), FutureResult[Structured[Review], LLMError])
    assert_type(programs.converse("c", REQUEST)(manager), FutureResult[LLMResponse, LLMError])
    assert_type(programs.call_tools(REQUEST, [TOOL])(manager), FutureResult[ToolRun, LLMError])
    assert_type(programs.embed(EmbedRequest("a"))(manager), FutureResult[Embeddings, LLMError])
    assert_type(programs.moderate(ModerationRequest("a"))(manager), FutureResult[Moderation, LLMError])
    assert_type(programs.create_image(ImageRequest("a"))(manager), FutureResult[MadeImages, LLMError])
    assert_type(programs.count_tokens(REQUEST)(manager), FutureResult[TokenCount, LLMError])
    assert_type(programs.plan(REQUEST)(manager), FutureResult[Plan, LLMError])


def without_await(manager: LLMManager) -> None:
    """The blocking facade has the same types less the waiting."""
    with blocking(manager) as m:
        assert_type(m.generate(REQUEST), Result[LLMResponse, LLMError])
        assert_type(m.generate_as(Review, REQUEST), Result[Structured[Review], LLMError])
        assert_type(m.converse("c", REQUEST), Result[LLMResponse, LLMError])
        assert_type(m.converse_stream("c", REQUEST), Iterator[Result[StreamEvent, LLMError]])
        assert_type(m.conversations(lambda kept: kept.load("c")), Result[Conversation, LLMError])
        assert_type(m.call_tools(REQUEST, [TOOL], confirm=confirm), Result[ToolRun, LLMError])
        assert_type(m.embed(EmbedRequest("a")), Result[Embeddings, LLMError])
        assert_type(m.moderate(ModerationRequest("a")), Result[Moderation, LLMError])
        assert_type(m.create_image(ImageRequest("a")), Result[MadeImages, LLMError])
        assert_type(m.count_tokens(REQUEST), Result[TokenCount, LLMError])
        assert_type(m.credits(), Result[tuple[Credits, ...], LLMError])
        assert_type(m.plan(REQUEST), Result[Plan, LLMError])
        assert_type(m.stream(REQUEST), Iterator[Result[StreamEvent, LLMError]])
        assert_type(m.generate_all([REQUEST]), Iterator[tuple[int, Result[LLMResponse, LLMError]]])
        assert_type(m.stats(), Statistics)
        assert_type(m.usage(), Result[UsageStats, LLMError])
        assert_type(m.reset_breaker(), Result[None, LLMError])
        assert_type(m.check_limits(), Result[None, LLMError])
        assert_type(m.reset_usage("monthly"), Result[None, LLMError])
        assert_type(m.usage_report(UsageQuery(by=("day",))), Result[UsageReport, LLMError])
        assert_type(m.forget(everything=True), Result[int, LLMError])
        assert_type(m.cache_statistics(), Result[CacheReport, LLMError])
        assert_type(m.remembered(REQUEST), Result[bool, LLMError])


@publish
async def words(request: LLMRequest, *, most: int = 3) -> Settled[tuple[str, ...], LLMError]:
    """A service of one's own."""
    return Success(tuple((request.prompt or "").split()[:most]))


def publishing() -> None:
    """A published step keeps its parameters by name."""
    assert_type(words(REQUEST, most=2), FutureResult[tuple[str, ...], LLMError])


def pricing(answer: LLMResponse) -> Decimal | None:
    """A cost is known or says why not."""
    match answer.cost:
        case Priced(usd=usd):
            assert_type(usd, Decimal)
            return usd
        case Unpriced(reason=reason):
            assert_type(reason, str)
            return None
        case _:
            assert_never(answer.cost)


def asking_every_error(error: LLMError) -> str:
    """The union is closed: a user's own question can be exhaustive too."""
    match error:
        case ModelUnavailable(reason=reason):
            return reason
        case RateLimitExceeded(retry_after_seconds=seconds):
            assert_type(seconds, float | None)
            return "wait"
        case ContextTooLarge(token_count=count):
            assert_type(count, int | None)
            return "shorten"
        case AllModelsFailed(causes=causes):
            assert_type(causes, tuple[LLMError, ...])
            return "several"
        case StreamInterrupted(partial=partial) | ContentFiltered(partial=partial):
            assert_type(partial, str)
            return partial
        case (
            InvalidRequest()
            | AuthenticationFailed()
            | RequestTimeout()
            | ConfigurationError()
            | NetworkError()
            | QuotaExhausted()
            | MalformedResponse()
            | BudgetExceeded()
            | PolicyBlocked()
            | CircuitOpen()
            | ToolFailed()
            | OutputInvalid()
            | StorageFailed()
            | JobLocked()
        ):
            return error.tag
        case _:
            assert_never(error)
