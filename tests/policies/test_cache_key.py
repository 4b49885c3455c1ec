"""Cache keys: equal only for what would be answered alike."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.embeddings import EmbedRequest, Purpose
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.policies.cache_key import cache_key, vector_keys

text = st.text(max_size=4)


def attempt_of(tenant: str, url: str, model: str, path: str, header: str, body: bytes) -> Attempt:
    return Attempt(
        call_id="c",
        number=1,
        request=LLMRequest("x", metadata=RequestMetadata(tenant=tenant)),
        model=ModelProfile(name=model, provider="p"),
        endpoint=Endpoint(provider="p", base_url=url, locality="cloud"),
        wire=WireRequest(path=path, headers=(("a", header),) if header else (), body=body),
        key=None,
        limits=Limits(),
        deadline=1.0,
        call_deadline=2.0,
        total_seconds=2.0,
    )


parts = st.tuples(text, text, text, text, text, st.binary(max_size=4))


@given(parts, parts)
def test_two_requests_share_a_key_only_when_all_that_is_sent_is_equal(
    one: tuple[str, str, str, str, str, bytes], other: tuple[str, str, str, str, str, bytes]
) -> None:
    same = attempt_of(*one).endpoint.identity == attempt_of(*other).endpoint.identity and (one[0], *one[2:]) == (other[0], *other[2:])
    assert (cache_key(attempt_of(*one)) == cache_key(attempt_of(*other))) is same


def test_who_tries_and_when_is_not_in_the_key() -> None:
    attempt = attempt_of("t", "https://p", "m", "/chat", "", b"{}")
    assert cache_key(attempt) == cache_key(replace(attempt, call_id="d", number=2, deadline=9.0))


def test_accounts_of_one_provider_are_apart() -> None:
    attempt = attempt_of("", "https://p", "m", "/chat", "", b"{}")
    assert cache_key(attempt) != cache_key(replace(attempt, endpoint=evolve(attempt.endpoint, account="org-2")))


vector_parts = st.tuples(text, text, st.none() | st.integers(0, 12), st.sampled_from([None, "query", "document"]), text, text)


def vector_key(tenant: str, url: str, dimensions: int | None, purpose: Purpose | None, model: str, told: str) -> str:
    asked = EmbedRequest(told, dimensions=dimensions, purpose=purpose, metadata=RequestMetadata(tenant=tenant))
    return vector_keys(asked, Endpoint(provider="p", base_url=url, locality="cloud"), model)(told)


@given(vector_parts, vector_parts)
def test_two_texts_share_a_vector_only_when_all_that_makes_it_is_equal(
    one: tuple[str, str, int | None, Purpose | None, str, str], other: tuple[str, str, int | None, Purpose | None, str, str]
) -> None:
    same = (one[1].rstrip(), one[0], *one[2:]) == (other[1].rstrip(), other[0], *other[2:])
    assert (vector_key(*one) == vector_key(*other)) is same


def test_an_answer_and_a_vector_never_share_a_key() -> None:
    attempt = attempt_of("", "vector", "m", "", "", b"")
    assert cache_key(attempt) != vector_key("", "vector", None, None, "m", "")
