"""Texts as vectors."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.clients.ollama.embedding import read_vectors
from llm_manager.clients.who import Who
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import ContextTooLarge, InvalidRequest, LLMError, MalformedResponse, ModelUnavailable, PolicyBlocked
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.policies.abilities import ABILITIES
from llm_manager.services.model_client import ModelClient
from llm_manager.services.transport import Envelope
from llm_manager.testing import run_virtual
from tests.clients.ollama.test_transport import CLOUD, client, failing
from tests.loopback import Received, json_reply
from tests.ollama_server import Kept, State, ollama

NOMIC = Kept("nomic-embed-text", window=2048, capabilities=("embedding",))
WHO = Who(provider="ollama", model="nomic-embed-text")
TWO = EmbedRequest(("a", "bcd"))


def embedded(made: ModelClient, request: EmbedRequest = TWO) -> Settled[Embeddings, LLMError]:
    async def embed() -> Settled[Embeddings, LLMError]:
        return await settle(made.embed(request))

    return run_virtual(embed())


def test_one_vector_for_each_text() -> None:
    """In their order, by the usual model, which is made ready first and never shortens a text."""
    state = State(models={})
    sent: list[Envelope] = []
    made = client(ollama(NOMIC, state=state), ProviderSettings(threads=2, keep_alive="1m"), sent)
    told = embedded(made).unwrap()
    assert told.vectors == ((1.0, 1.0), (3.0, 1.0))
    assert (told.model, told.provider, told.usage) == ("nomic-embed-text", "ollama", Usage(input_tokens=3))
    assert told.cost.tag == "Priced"
    assert state.asked == ["/api/show", "/api/ps", "/api/embed", "/api/embed"]
    load, asked = (json.loads(envelope.body) for envelope in sent[-2:])
    assert asked == {
        "model": "nomic-embed-text",
        "input": ["a", "bcd"],
        "truncate": False,
        "options": {"num_thread": 2},
        "keep_alive": "1m",
    }
    assert load == {"model": "nomic-embed-text", "input": [], "options": {"num_thread": 2}, "keep_alive": "1m", "stream": False}
    assert made.able == ABILITIES["ollama"]
    assert made.texts_per_call == 64


def test_what_is_not_taken_is_told() -> None:
    made = client(ollama(NOMIC))
    assert embedded(made, EmbedRequest("a", purpose="query")).unwrap().notices == ("nomic-embed-text takes no purpose: it was left out",)
    assert embedded(made, EmbedRequest("a", dimensions=2)).unwrap().vectors == ((1.0, 1.0),)
    for request in (EmbedRequest("a", dimensions=9), EmbedRequest(()), EmbedRequest(("a", ""))):
        assert isinstance(embedded(made, request).failure(), InvalidRequest)


def test_errors_are_those_of_the_server() -> None:
    assert isinstance(embedded(client(ollama())).failure(), ModelUnavailable)
    words = "the input length exceeds the context length"
    loaded = State(models={}, running={"nomic-embed-text": 2048})
    long = embedded(client(failing("/api/embed", 400, ollama(NOMIC, state=loaded), words))).failure()
    assert isinstance(long, ContextTooLarge)


@pytest.mark.parametrize(
    ("request_", "policy"),
    [
        (EmbedRequest("a", sensitivity="private"), RoutingPolicy()),
        (EmbedRequest("the patient"), RoutingPolicy()),
        (EmbedRequest("a"), RoutingPolicy(default_sensitivity="private")),
        (EmbedRequest("a", sensitivity="public"), RoutingPolicy(airgap=True)),
    ],
)
def test_texts_that_may_not_leave_stay(request_: EmbedRequest, policy: RoutingPolicy) -> None:
    """A server that turns out to have passed them on is not believed."""
    state = State(models={})
    named = EmbedRequest(request_.texts, model=CLOUD, sensitivity=request_.sensitivity)
    assert isinstance(embedded(client(ollama(state=state), routing=policy), named).failure(), PolicyBlocked)
    assert state.asked == []

    def passing_on(received: Received) -> Any:
        if received.path == "/api/embed":
            return json_reply({"embeddings": [[1.0]], "remote_host": "https://ollama.com"})
        return ollama(NOMIC)(received)

    assert isinstance(embedded(client(passing_on, routing=policy), request_).failure(), PolicyBlocked)
    assert isinstance(embedded(client(passing_on), EmbedRequest("a")), Success)


vectors = st.lists(st.lists(st.floats() | st.integers(), max_size=3), max_size=3)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["embeddings", "model", "prompt_eval_count"]), vectors | st.text(max_size=3) | st.integers(), max_size=3
    )
    .map(json.dumps)
    .map(str.encode)
    | st.binary(max_size=20)
)
def test_any_answer_is_one_vector_for_each_text_or_an_error(body: bytes) -> None:
    read = read_vectors(WireReply(status=200, body=body), WHO, TWO, wall=0.0)
    if isinstance(read, Failure):
        assert isinstance(read.failure(), MalformedResponse)
    else:
        told, _ = read.unwrap()
        assert len(told.vectors) == 2
        assert len({len(vector) for vector in told.vectors}) == 1
