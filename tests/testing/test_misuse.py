"""A double that cannot be made says which argument is wrong, before anything is asked of it."""

from collections.abc import Callable
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ModelUnavailable, RateLimitExceeded
from llm_manager.domain.requests import LLMRequest
from llm_manager.effects import settle
from llm_manager.testing import faults, run_virtual, scripted, scripted_deps, scripted_manager

GONE = ModelUnavailable(model="m", message="gone")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: scripted_manager(scripted("a"), scripted("b")), r"models\[0\] and models\[1\] have the provider 'scripted', which"),
        (lambda: scripted_deps(scripted("a"), untyped("b")), r"models\[1\] is of type str; give what scripted\(...\) makes"),
        (lambda: untyped_scripted("a", faults.server_error), r"outcomes\[1\] is the fault faults.server_error itself; call it"),
        (lambda: untyped_scripted(5), r"outcomes\[0\] is of type int; give a text, an LLMResponse"),
        (lambda: untyped_scripted(None), r"outcomes\[0\] is of type NoneType"),
        (lambda: untyped_scripted(b"text"), r"outcomes\[0\] is of type bytes"),
        (lambda: untyped_scripted(ModelUnavailable), r"outcomes\[0\] is of type class"),
        (lambda: untyped_scripted(Failure(GONE)), r"outcomes\[0\] is wrapped in a Failure; give the answer or the error itself"),
        (lambda: untyped_scripted(Success("a")), r"outcomes\[0\] is wrapped in a Success"),
        (lambda: untyped_scripted(["a", 5]), r"outcomes\[0\]\[1\] is of type int; a piece is"),
        (lambda: untyped_scripted("a", able=["embeddings"]), r"able knows embed, .* and not 'embeddings'; did you mean embed"),
        (lambda: untyped_scripted("a", able="embed"), r"able is of type str; give a list"),
        (lambda: untyped_scripted("a", able=None), r"able is of type NoneType; give a list"),
        (lambda: untyped_scripted("a", models="gpt"), r"models is of type str; give a list"),
        (lambda: untyped_scripted("a", then="refuze"), r"then knows repeat, refuse and not 'refuze'; did you mean refuse"),
        (lambda: untyped_scripted("a", locality="onshore"), r"locality knows local, cloud and not 'onshore'"),
        (lambda: untyped_scripted("a", meets=[GONE, faults.server_error]), r"meets\[1\] is the fault faults.server_error itself"),
        (lambda: untyped_scripted("a", meets=["no"]), r"meets\[0\] is of type str; give an LLMError, a fault, or None"),
        (lambda: untyped_scripted("a", meets=GONE), r"meets is of type ModelUnavailable; give a list"),
    ],
)
def test_what_means_nothing_is_refused_with_its_place(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def untyped(value: Any) -> Any:
    """A value as a caller without types may give it."""
    return value


def untyped_scripted(*outcomes: Any, **said: Any) -> Any:
    """The same for all of `scripted`."""
    return scripted(*outcomes, **said)


def test_what_a_function_gives_is_looked_at_too() -> None:
    async def ask() -> object:
        return await settle(scripted_manager(scripted(lambda _: untyped(5))).generate(LLMRequest("x")))

    with pytest.raises(ValueError, match=r"what outcomes\[0\] gave is of type int"):
        run_virtual(ask())


def test_faults_are_met_by_what_is_no_chat() -> None:
    """Of the model and the endpoint that were asked; one that answers late only takes its time."""
    model = scripted(able=["embed"], meets=[faults.rate_limited(1.0), None, faults.slow(5.0), faults.slow(1.0, faults.server_error())])

    async def ask(text: str) -> Any:
        return await settle(scripted_manager(model).embed(EmbedRequest(text)))

    first = run_virtual(ask("a")).unwrap().attempts[0].error
    assert isinstance(first, RateLimitExceeded)
    assert first.model == "scripted-1-embedding"
    assert len(model.besides) == 2
    assert run_virtual(ask("b")).unwrap().latency_seconds == 5.0
    error = run_virtual(settle(model.client.embed(EmbedRequest("c", model="other")))).failure()
    assert isinstance(error, ModelUnavailable)
    assert error.model == "other"
    limited = scripted(able=["embed"], meets=[faults.rate_limited()])
    told = run_virtual(settle(limited.client.embed(EmbedRequest("c")))).failure()
    assert isinstance(told, RateLimitExceeded)
    assert told.origin is not None
    assert told.origin.endpoint == limited.client.endpoint.base_url
