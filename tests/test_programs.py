"""Programs: written first, given their manager at the edge."""

from attrs import frozen
from returns.result import Failure, Success

from llm_manager import programs
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import LLMRequest
from llm_manager.effects import settle
from llm_manager.testing import run_virtual, scripted, scripted_manager


@frozen
class Capital:
    city: str


def test_a_program_is_composed_before_there_is_a_manager() -> None:
    program = programs.generate(LLMRequest("hi")).map(lambda answer: answer.content.upper())
    assert run_virtual(settle(program(scripted_manager(scripted("hello"))))) == Success("HELLO")
    assert isinstance(run_virtual(settle(program(scripted_manager()))), Failure)


def test_every_program_reaches_its_method() -> None:
    manager = scripted_manager(scripted('{"city":"Paris"}'))
    typed = run_virtual(settle(programs.generate_as(Capital, LLMRequest("capital?"))(manager)))
    assert typed.map(lambda answer: answer.value) == Success(Capital("Paris"))
    said = run_virtual(settle(programs.converse("c", LLMRequest("hi"))(manager)))
    assert isinstance(said, Success)
    able = scripted_manager(scripted("x", able=("embed", "moderate", "create_image", "count_tokens")))
    for program in (
        programs.embed(EmbedRequest("a")).map(lambda answer: answer.provider),
        programs.call_tools(LLMRequest("a"), ()).map(lambda run: run.response.provider),
        programs.moderate(ModerationRequest("a")).map(lambda answer: answer.provider),
        programs.create_image(ImageRequest("a")).map(lambda answer: answer.provider),
        programs.count_tokens(LLMRequest("a")).map(lambda answer: answer.provider),
    ):
        assert run_virtual(settle(program(able))) == Success("scripted")
    planned = run_virtual(settle(programs.plan(LLMRequest("hi"))(manager)))
    assert isinstance(planned, Success)
    assert planned.unwrap() == manager.plan(LLMRequest("hi")).unwrap()


def test_programs_bind_to_one_another_over_one_manager() -> None:
    model = scripted("Paris", "Two million")
    program = programs.generate(LLMRequest("capital?")).bind(lambda answer: programs.generate(LLMRequest(f"people of {answer.content}?")))
    outcome = run_virtual(settle(program(scripted_manager(model))))
    assert outcome.map(lambda answer: answer.content) == Success("Two million")
    assert model.requests[1].prompt == "people of Paris?"
