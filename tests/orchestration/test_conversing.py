"""Conversations: what was said is sent again, and an answer that was paid for is never lost."""

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import ContextSettings, LLMConfig
from llm_manager.domain.errors import LLMError, ModelUnavailable, StorageFailed
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.stores.memory_conversations import memory_conversations
from llm_manager.testing import run_virtual, scripted, scripted_deps, scripted_manager


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
