"""Conversations: what was said is sent again, and an answer that was paid for is never lost."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import ContextSettings, LLMConfig
from llm_manager.domain.conversations import (
    BranchPoint,
    Conversation,
    ConversationDescription,
    ConversationQuery,
    ConversationSummary,
    Turn,
)
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ContextTooLarge, InvalidRequest, LLMError, ModelUnavailable, StorageFailed, StreamInterrupted
from llm_manager.domain.messages import Message, ToolCall, ToolSpec
from llm_manager.domain.moments import moment
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import Priced
from llm_manager.effects import publish, settle
from llm_manager.orchestration.collecting import collect
from llm_manager.orchestration.forgetting import forgetting
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.pricing import together
from llm_manager.policies.tokens import estimate_request_tokens
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.stores.memory.conversations import memory_conversations
from llm_manager.testing import fake_world, run_virtual, scripted, scripted_deps, scripted_manager


def test_the_second_question_brings_the_first_exchange() -> None:
    model = scripted("Paris.", "About two million.")

    async def talk() -> list[str]:
        manager = scripted_manager(model)
        for question in ("What is the capital of France?", "How many people live there?"):
            assert isinstance(await settle(manager.converse("c", LLMRequest(question, system="Be brief."))), Success)
        return [message.text for message in model.requests[1].conversation()]

    assert run_virtual(talk()) == ["Be brief.", "What is the capital of France?", "Paris.", "How many people live there?"]


def test_conversations_are_apart() -> None:
    model = scripted("ok")

    async def talk() -> int:
        manager = scripted_manager(model)
        await settle(manager.converse("one", LLMRequest("first")))
        await settle(manager.converse("two", LLMRequest("second")))
        return len(model.requests[1].conversation())

    assert run_virtual(talk()) == 1


def test_old_turns_are_left_out_when_they_do_not_fit() -> None:
    model = scripted("ok")
    config = LLMConfig(context=ContextSettings(keep_messages=4))

    async def talk() -> list[str]:
        manager = scripted_manager(model, config=config)
        for number in range(5):
            await settle(manager.converse("c", LLMRequest(f"question {number}")))
        return [message.text for message in model.requests[-1].conversation()]

    said = run_virtual(talk())
    assert said[-1] == "question 4"
    assert "question 0" not in said
    assert len(said) <= 5


def test_a_failed_answer_leaves_the_conversation_as_it_was() -> None:
    model = scripted(ModelUnavailable(model="m", message="no", reason="permanent"), "ok")
    storage = memory_conversations()

    async def talk() -> int:
        manager = scripted_manager(model, conversations=storage)
        assert isinstance(await settle(manager.converse("c", LLMRequest("hi"))), Failure)
        return (await settle(storage.load("c"))).unwrap().version

    assert run_virtual(talk()) == 0


def test_what_was_deleted_meanwhile_does_not_come_back() -> None:
    """The exchange that was paid for is kept all the same, alone."""
    storage = memory_conversations()

    async def deleting(_: Attempt) -> str:
        await settle(storage.delete("c"))
        return "ok"

    async def talk() -> tuple[LLMResponse, list[str], int]:
        await settle(storage.put(_talked(3)))
        answer = (await settle(scripted_manager(scripted(deleting), conversations=storage).converse("c", LLMRequest("now")))).unwrap()
        said = [message.text for message in (await settle(storage.load("c"))).unwrap().messages()]
        return answer, said, len((await settle(storage.find(ConversationQuery()))).unwrap().heads)

    answer, said, conversations = run_virtual(talk())
    assert (answer.conversation_id, said, conversations) == ("c", ["now", "ok"], 1)
    assert any("deleted meanwhile" in notice for notice in answer.notices)


def test_an_answer_that_cannot_be_stored_is_given_with_a_notice() -> None:
    async def full(*_: object) -> Settled[int, LLMError]:
        return Failure(StorageFailed(message="no space left", reason="full"))

    storage = evolve(memory_conversations(), append=publish(full))
    deps = scripted_deps(scripted("ok"))

    async def talk() -> tuple[str, ...]:
        manager = scripted_manager(scripted("ok"), config=deps.config, conversations=storage)
        return (await settle(manager.converse("c", LLMRequest("hi")))).unwrap().notices

    assert any("no space left" in notice for notice in run_virtual(talk()))


def test_messages_given_with_the_question_are_part_of_its_turn() -> None:
    storage = memory_conversations()
    given = Message(role="user", content="context")

    async def talk() -> list[str]:
        manager = scripted_manager(scripted("ok"), conversations=storage)
        await settle(manager.converse("c", LLMRequest("hi", messages=(given,))))
        return [message.text for message in (await settle(storage.load("c"))).unwrap().messages()]

    assert run_virtual(talk()) == ["context", "hi", "ok"]


def test_an_answer_says_where_it_is_kept() -> None:
    async def talk() -> str | None:
        return (await settle(scripted_manager(scripted("ok")).converse("c", LLMRequest("hi")))).unwrap().conversation_id

    assert run_virtual(talk()) == "c"


def test_what_words_alone_made_private_stays_so_when_they_are_no_longer_sent() -> None:
    """Neither its answers nor a summary need repeat the word that made it private."""
    model, storage = scripted("He is 41 and called John."), memory_conversations()
    config = LLMConfig(context=ContextSettings(keep_messages=2))

    async def talk() -> Conversation:
        manager = scripted_manager(model, config=config, conversations=storage)
        for question in ("Who is the patient?", "Say that again", "And once more"):
            assert isinstance(await settle(manager.converse("c", LLMRequest(question))), Success)
        return (await settle(storage.load("c"))).unwrap()

    said = run_virtual(talk())
    assert said.turns[0].private
    assert "patient" not in "".join(message.text for message in model.requests[-1].conversation())
    assert [request.sensitivity for request in model.requests[1:]] == ["private", "private"]


def test_a_turn_has_its_time_and_what_was_asked_as_private_stays_so() -> None:
    model, world = scripted("ok"), fake_world()
    storage = memory_conversations(world.wall)

    async def talk() -> Conversation:
        manager = scripted_manager(model, world=world, conversations=storage)
        await settle(manager.converse("c", LLMRequest("my secret", sensitivity="private")))
        await settle(manager.converse("c", LLMRequest("and now?", sensitivity="public")))
        return (await settle(storage.load("c"))).unwrap()

    said = run_virtual(talk())
    assert [turn.at for turn in said.turns] == [world.wall()] * 2
    assert [turn.private for turn in said.turns] == [True, False]
    assert [request.sensitivity for request in model.requests] == ["private", "private"]


def test_tenants_have_conversations_of_their_own() -> None:
    model, storage = scripted("ok"), memory_conversations()

    async def talk() -> list[int]:
        manager = scripted_manager(model, conversations=storage)
        for tenant in ("a", "b", None):
            await settle(manager.converse("c", LLMRequest(f"I am {tenant}", metadata=RequestMetadata(tenant=tenant))))
        return [len(request.conversation()) for request in model.requests]

    assert run_virtual(talk()) == [1, 1, 1]


def _written_meanwhile(storage: ConversationStorage) -> ConversationStorage:
    """A storage to which somebody else writes before every turn that is added."""
    other = Turn(messages=(Message(role="user", content="me first"),))

    async def append(conversation_id: str, turn: Turn, version: int) -> Settled[int, LLMError]:
        await settle(storage.append(conversation_id, other, version))
        return await settle(storage.append(conversation_id, turn, version))

    return evolve(storage, append=publish(append))


def test_on_a_conflict_the_exchange_is_kept_in_a_branch() -> None:
    storage = memory_conversations()

    async def talk() -> tuple[LLMResponse, Conversation, Conversation]:
        first = Turn(messages=(Message(role="user", content="before"), Message(role="assistant", content="yes")))
        await settle(storage.append("c", first, 0))
        await settle(storage.describe("c", ConversationDescription(title="Talk")))
        manager = scripted_manager(scripted("paid for"), conversations=_written_meanwhile(storage))
        answer = (await settle(manager.converse("c", LLMRequest("hi")))).unwrap()
        theirs = (await settle(storage.load("c"))).unwrap()
        return answer, theirs, (await settle(storage.load(answer.conversation_id or ""))).unwrap()

    answer, theirs, branch = run_virtual(talk())
    assert answer.content == "paid for"
    assert any(branch.id in notice for notice in answer.notices)
    assert [message.text for message in theirs.messages()] == ["before", "yes", "me first"]
    assert [message.text for message in branch.messages()] == ["before", "yes", "hi", "paid for"]
    assert (branch.origin, branch.title, branch.version) == (BranchPoint(conversation="c", turns=1), "Talk", 2)


@pytest.mark.parametrize("streamed", [False, True])
def test_who_is_cancelled_while_it_is_stored_leaves_when_it_is(streamed: bool) -> None:
    kept = memory_conversations()

    async def talk() -> int:
        storing = asyncio.Event()

        async def append(conversation_id: str, turn: Turn, version: int) -> Settled[int, LLMError]:
            storing.set()
            await asyncio.sleep(1)
            return await settle(kept.append(conversation_id, turn, version))

        manager = scripted_manager(scripted("ok"), conversations=evolve(kept, append=publish(append)))

        async def ask() -> None:
            if streamed:
                await collect(manager.converse_stream("c", LLMRequest("hi")))
            else:
                await settle(manager.converse("c", LLMRequest("hi")))

        asking = asyncio.ensure_future(ask())
        await storing.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return (await settle(kept.load("c"))).unwrap().version

    assert run_virtual(talk()) == 1


def test_a_storage_that_hangs_holds_a_leaver_up_for_seconds_only() -> None:
    async def talk() -> float:
        async def append(*_: object) -> Settled[int, LLMError]:
            await asyncio.sleep(1000)
            return Success(1)

        manager = scripted_manager(scripted("ok"), conversations=evolve(memory_conversations(), append=publish(append)))
        asking = asyncio.ensure_future(settle(manager.converse("c", LLMRequest("hi"))))
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return asyncio.get_running_loop().time() - began

    assert run_virtual(talk()) <= 6


def test_a_stream_is_stored_before_its_last_event() -> None:
    storage = memory_conversations()

    async def talk() -> tuple[str, LLMResponse, list[str]]:
        manager = scripted_manager(scripted("Hello there"), conversations=storage)
        told, response = "", None
        async with aclosing(manager.converse_stream("c", LLMRequest("hi"))) as events:
            async for event in events:
                happened = sealed(event).unwrap()
                if isinstance(happened, TextDelta):
                    told += happened.text
                if isinstance(happened, StreamFinished):
                    response = happened.response
                    break
        assert response is not None
        return told, response, [message.text for message in (await settle(storage.load("c"))).unwrap().messages()]

    told, response, said = run_virtual(talk())
    assert (told, response.conversation_id) == ("Hello there", "c")
    assert said == ["hi", "Hello there"]


def test_what_was_told_before_a_stream_was_left_is_kept_as_cut() -> None:
    storage = memory_conversations()

    async def talk() -> Conversation:
        manager = scripted_manager(scripted("Hello there"), conversations=storage)
        async with aclosing(manager.converse_stream("c", LLMRequest("hi"))) as events:
            async for _ in events:
                break
        return (await settle(storage.load("c"))).unwrap()

    said = run_virtual(talk())
    assert said.turns[0].cut
    assert "Hello there".startswith(said.turns[0].messages[-1].text)


def test_what_was_told_before_a_stream_failed_is_kept_as_cut() -> None:
    storage = memory_conversations()
    broken = StreamInterrupted(model="m", message="gone", partial="Hel")

    async def talk() -> tuple[Any, Conversation]:
        manager = scripted_manager(scripted(("Hel", broken)), conversations=storage)
        ended = await collect(manager.converse_stream("c", LLMRequest("hi")))
        return ended, (await settle(storage.load("c"))).unwrap()

    ended, said = run_virtual(talk())
    assert isinstance(ended, Failure)
    assert [message.text for message in said.messages()] == ["hi", "Hel"]
    assert said.turns[0].cut


def test_a_stream_that_never_opened_leaves_the_conversation_as_it_was() -> None:
    storage = memory_conversations()

    async def talk() -> tuple[list[Any], int]:
        manager = scripted_manager(scripted(ModelUnavailable(model="m", message="no", reason="permanent")), conversations=storage)
        events = [event async for event in manager.converse_stream("c", LLMRequest("hi"))]
        wrong = [event async for event in manager.converse_stream("c", LLMRequest("hi", timeout_ms=-1))]
        return [*events, *wrong], (await settle(storage.load("c"))).unwrap().version

    events, version = run_virtual(talk())
    assert [type(event) for event in events] == [Failure, Failure]
    assert version == 0


def test_a_storage_that_cannot_be_read_fails_before_anything_is_asked() -> None:
    async def unread(_: str) -> Settled[Conversation, LLMError]:
        return Failure(StorageFailed(message="no such file", reason="missing"))

    model = scripted("ok")

    async def talk() -> list[Any]:
        manager = scripted_manager(model, conversations=evolve(memory_conversations(), load=publish(unread)))
        streamed = [event async for event in manager.converse_stream("c", LLMRequest("hi"))]
        return [await settle(manager.converse("c", LLMRequest("hi"))), *streamed]

    assert [type(outcome) for outcome in run_virtual(talk())] == [Failure, Failure]
    assert model.requests == []


def test_the_conversations_own_system_prompt_is_told_unless_the_request_has_one() -> None:
    model, storage = scripted("ok"), memory_conversations()
    config = LLMConfig(context=ContextSettings(system_prompt="Began {started}."))

    async def talk() -> list[str | None]:
        manager = scripted_manager(model, config=config, conversations=storage, world=fake_world())
        await settle(manager.converse("c", LLMRequest("hi")))
        await settle(storage.describe("c", ConversationDescription(system="Rhyme.")))
        await settle(manager.converse("c", LLMRequest("hi")))
        await settle(manager.converse("c", LLMRequest("hi", system="Sing.")))
        return [request.system for request in model.requests]

    assert run_virtual(talk()) == [f"Began {moment(fake_world().wall())}.", "Rhyme.", "Sing."]


def test_a_template_that_is_not_there_is_said_before_anything_is_asked() -> None:
    model = scripted("ok")
    config = LLMConfig(context=ContextSettings(system_prompt="conversatoin"))

    async def talk() -> Any:
        return await settle(scripted_manager(model, config=config).converse("c", LLMRequest("hi")))

    outcome = run_virtual(talk())
    assert isinstance(outcome, Failure)
    assert "conversation" in describe(outcome.failure())
    assert model.requests == []


def _talked(turns: int, size: int = 40) -> Conversation:
    said = tuple(
        Turn(messages=(Message(role="user", content=f"q{number} " + "x" * size), Message(role="assistant", content=f"a{number}")))
        for number in range(turns)
    )
    return Conversation(id="c", turns=said, version=turns)


def _sent_after(
    context: ContextSettings, *script: Any, turns: int = 20, window: int | None = None
) -> tuple[list[LLMRequest], Any, Conversation]:
    storage = memory_conversations()
    model = scripted(*script)
    profile = evolve(model.client.profiles[0], context_window=window)
    model.client = evolve(model.client, profiles=(profile,), profile=lambda _: profile)

    async def talk() -> tuple[Any, Conversation]:
        await settle(storage.put(_talked(turns)))
        manager = scripted_manager(model, config=LLMConfig(context=context), conversations=storage)
        outcome = await settle(manager.converse("c", LLMRequest("now")))
        return outcome, (await settle(storage.load("c"))).unwrap()

    outcome, kept = run_virtual(talk())
    return model.requests, outcome, kept


def test_the_first_turn_can_stay() -> None:
    requests, _, _ = _sent_after(ContextSettings(keep_messages=6, trimming="first"), "ok")
    assert [message.text[:3].strip() for message in requests[0].conversation()] == ["q0", "a0", "q18", "a18", "q19", "a19", "now"]


def test_a_history_is_cut_to_the_window_of_the_model() -> None:
    requests, outcome, _ = _sent_after(ContextSettings(), "ok", window=400)
    assert isinstance(outcome, Success)
    assert estimate_request_tokens(requests[0]) <= 300
    assert len(requests[0].messages) > 4


def test_what_no_longer_fits_is_summarised_once() -> None:
    context = ContextSettings(keep_messages=10, trimming="summary")
    requests, outcome, kept = _sent_after(context, "They counted.", "ok", turns=20)
    assert "q0" in (requests[0].prompt or "")
    assert "They counted." in (requests[1].system or "")
    assert [message.text[:3].strip() for message in requests[1].conversation()[1:]] == ["q18", "a18", "q19", "a19", "now"]
    assert kept.summary == ConversationSummary(text="They counted.", turns=18)
    assert any("summarised by" in notice for notice in outcome.unwrap().notices)
    assert len(outcome.unwrap().attempts) == 2


@pytest.mark.parametrize("streamed", [False, True])
def test_what_a_summary_cost_is_part_of_what_the_answer_cost(streamed: bool) -> None:
    storage, model = memory_conversations(), scripted("They counted.", "ok", locality="cloud")

    async def talk() -> LLMResponse:
        await settle(storage.put(_talked(20)))
        config = LLMConfig(context=ContextSettings(keep_messages=10, trimming="summary"))
        manager = scripted_manager(model, config=config, conversations=storage)
        if streamed:
            return (await collect(manager.converse_stream("c", LLMRequest("now")))).unwrap()
        return (await settle(manager.converse("c", LLMRequest("now")))).unwrap()

    answer = run_virtual(talk())
    costs = [each.cost for each in answer.attempts if each.cost is not None]
    assert len(costs) == 2 and all(isinstance(cost, Priced) and cost.usd > 0 for cost in costs)
    assert answer.cost == together(costs)


def test_a_summary_in_no_words_is_none() -> None:
    context = ContextSettings(keep_messages=10, trimming="summary")
    requests, outcome, kept = _sent_after(context, "  ", "ok")
    assert kept.summary is None
    assert requests[1].system is None
    assert any("in no words" in notice for notice in outcome.unwrap().notices)


def test_a_summary_serves_until_it_no_longer_does() -> None:
    model = scripted(lambda attempt: "in short" if "The conversation:" in (attempt.request.prompt or "") else "ok")
    storage = memory_conversations()
    config = LLMConfig(context=ContextSettings(keep_messages=10, trimming="summary"))

    async def talk() -> int:
        manager = scripted_manager(model, config=config, conversations=storage)
        for number in range(20):
            await settle(manager.converse("c", LLMRequest(f"question {number}")))
        return sum("The conversation:" in (request.prompt or "") for request in model.requests)

    assert 3 <= run_virtual(talk()) <= 7


def test_a_summary_that_fails_leaves_the_recent_turns() -> None:
    context = ContextSettings(keep_messages=10, trimming="summary")
    requests, outcome, kept = _sent_after(context, ModelUnavailable(model="m", message="no", reason="permanent"), "ok")
    assert outcome.unwrap().content == "ok"
    assert any("could not be summarised" in notice for notice in outcome.unwrap().notices)
    assert [message.text[:3].strip() for message in requests[1].conversation()][-3:] == ["q19", "a19", "now"]
    assert len(requests[1].messages) == 10
    assert kept.summary is None


def test_conversations_are_forgotten_in_time() -> None:
    async def talk() -> list[str]:
        wall = 0.0
        storage = memory_conversations(lambda: wall)
        mine = forgetting(storage, 1.0, lambda: wall)
        for name in ("old", "new"):
            for tenant in (None, "t"):
                turn = Turn(messages=(Message(role="user", content="hi"),))
                assert isinstance(await settle(mine.of_tenant(tenant).append(name, turn, 0)), Success)
            wall += 50_000.0
        found = (await settle(mine.of_tenant("t").find(ConversationQuery()))).unwrap()
        assert (await settle(mine.load("old"))).unwrap().version == 0
        return [head.id for head in found.heads]

    assert run_virtual(talk()) == ["new"]


def test_a_storage_that_cannot_forget_is_not_read() -> None:
    async def full(_: float) -> Settled[int, LLMError]:
        return Failure(StorageFailed(message="locked"))

    async def talk() -> Any:
        storage = evolve(memory_conversations(), forget=publish(full))
        return await settle(forgetting(storage, 1.0, lambda: 0.0).load("c"))

    assert isinstance(run_virtual(talk()), Failure)


def test_calls_of_tools_and_their_results_are_never_parted() -> None:
    call = ToolCall(id="1", name="look", arguments="{}")
    wants = LLMResponse(content="", model="m", provider="scripted", finish="tool_calls", tool_calls=(call,))
    model, storage = scripted(wants, "A cat.", "ok"), memory_conversations()
    config = LLMConfig(context=ContextSettings(keep_messages=4))
    tools = (ToolSpec(name="look"),)

    async def talk() -> None:
        manager = scripted_manager(model, config=config, conversations=storage)
        await settle(manager.converse("c", LLMRequest("What is it?", tools=tools)))
        result = Message(role="tool", content="whiskers", tool_call_id="1")
        await settle(manager.converse("c", LLMRequest(messages=(result,), tools=tools)))
        for number in range(3):
            await settle(manager.converse("c", LLMRequest(f"and {number}?")))

    run_virtual(talk())
    sent = [[message.role for message in request.conversation()] for request in model.requests]
    assert sent[:3] == [["user"], ["user", "assistant", "tool"], ["user", "assistant", "tool", "assistant", "user"]]
    assert sent[3:] == [["user", "assistant", "user"], ["user", "assistant", "user", "assistant", "user"]]


def test_the_settings_say_how_long_conversations_are_kept() -> None:
    wall = 1e9
    storage = memory_conversations(lambda: wall)

    async def talk() -> list[int]:
        nonlocal wall
        world = evolve(fake_world(), wall=lambda: wall)
        manager = scripted_manager(
            scripted("ok"), config=LLMConfig(context=ContextSettings(retention_days=7)), conversations=storage, world=world
        )
        versions = []
        for days in (0, 6, 8):
            wall += days * 86_400
            await settle(manager.converse("c", LLMRequest("hi")))
            versions.append((await settle(manager.conversations.load("c"))).unwrap().version)
        return versions

    assert run_virtual(talk()) == [1, 2, 1]


def test_a_question_without_words_is_refused_and_kept_nowhere() -> None:
    storage = memory_conversations()

    async def talk() -> tuple[Any, tuple[Any, ...]]:
        outcome = await settle(scripted_manager(scripted("ok"), conversations=storage).converse("c", LLMRequest()))
        return outcome, (await settle(storage.find(ConversationQuery()))).unwrap().heads

    outcome, heads = run_virtual(talk())
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), InvalidRequest)
    assert heads == ()


@pytest.mark.parametrize("streamed", [False, True])
def test_a_conversation_too_long_for_every_model_is_sent_once_more_with_its_end(streamed: bool) -> None:
    model, storage = scripted(ContextTooLarge(model="m"), "ok"), memory_conversations()

    async def talk() -> LLMResponse:
        await settle(storage.put(_talked(10)))
        manager = scripted_manager(model, conversations=storage)
        asked = LLMRequest("now")
        return (await (collect(manager.converse_stream("c", asked)) if streamed else settle(manager.converse("c", asked)))).unwrap()

    answer = run_virtual(talk())
    assert any("only its last 4 messages were sent" in notice for notice in answer.notices)
    assert [message.text[:3].strip() for message in model.requests[1].conversation()] == ["q8", "a8", "q9", "a9", "now"]


def test_when_not_even_a_branch_can_be_kept_the_answer_comes_all_the_same() -> None:
    async def full(_: Conversation) -> Settled[None, LLMError]:
        return Failure(StorageFailed(message="no space left", reason="full"))

    storage = evolve(_written_meanwhile(memory_conversations()), put=publish(full))

    async def talk() -> LLMResponse:
        return (await settle(scripted_manager(scripted("ok"), conversations=storage).converse("c", LLMRequest("hi")))).unwrap()

    answer = run_virtual(talk())
    assert (answer.content, answer.conversation_id) == ("ok", None)
    assert any("was not stored" in notice and "no space left" in notice for notice in answer.notices)
