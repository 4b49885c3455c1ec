"""What the log shows of a request: its form, and neither a key nor a word."""

import json

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.clients.outlining import outlined_body, outlined_request
from llm_manager.domain.attempts import Limits
from llm_manager.services.transport import Envelope

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("canary words"),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.sampled_from(["content", "text", "data", "args", "model_"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_text_of_a_body_is_told(body: object) -> None:
    """Whatever its form; what is told is JSON again."""
    told = outlined_body(json.dumps({"model": "gpt-4o", "messages": body}).encode())
    assert "canary" not in told
    assert json.loads(told)["model"] == "gpt-4o"


def test_what_is_no_json_is_counted() -> None:
    """Torn, empty, nested too deeply."""
    assert outlined_body(b"canary") == "<6 bytes>"
    assert outlined_body(b"") == "<0 bytes>"
    deep = b"[" * 50_000 + b"]" * 50_000
    assert outlined_body(deep) == f"<{len(deep)} bytes>"
    assert "<deeper>" in outlined_body(b'{"a":' * 20 + b"[[]]" + b"}" * 20)


def test_long_lists_and_schemas_are_cut_short() -> None:
    """The first dozen, and how many more."""
    told = json.loads(outlined_body(json.dumps({"messages": ["x"] * 15, "parameters": {"canary": 1}, "model": "m" * 90}).encode()))
    assert told["messages"][-1] == "<3 more>" and told["parameters"] == "<1 fields>" and told["model"] == "<90 characters>"


def test_only_harmless_headers_have_values() -> None:
    """Keys never, nor the query of an address."""
    limits = Limits(connect_seconds=1.0, silence_seconds=1.0, attempt_seconds=1.0)
    headers = ((b"Authorization", b"Bearer canary"), (b"x-api-key", b"canary"), (b"Content-Type", b"application/json"))
    envelope = Envelope(
        method="POST",
        url="https://api.example/v1/chat?key=canary",
        headers=headers,
        body=b"{}",
        limits=limits,
        local=False,
        provider="p",
        model="m",
    )
    told = outlined_request(envelope)
    assert "canary" not in told and "Content-Type: application/json" in told and "Authorization: <hidden>" in told
