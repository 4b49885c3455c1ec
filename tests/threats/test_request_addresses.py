"""Where a request goes is a matter of settings: nothing in a request, however deep, moves it elsewhere."""

from typing import Any
from urllib.parse import urlsplit

import msgspec
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager import LLMRequest, ProviderSettings, settle
from llm_manager.clients.catalogue import CATALOGUE, build_client
from llm_manager.domain.messages import Message, ToolCall, ToolSpec
from llm_manager.domain.requests import JsonSchema, Preferences, RequestMetadata
from llm_manager.domain.secrets import Secret
from llm_manager.services.model_client import ClientParts
from llm_manager.testing import fake_world, run_virtual
from llm_manager.testing.replaying import replayed

NAMES = ("api_base", "base_url", "endpoint", "url", "host", "proxy", "api_key", "headers", "extra_headers", "custom_llm_provider", "model")
EVIL = "https://evil.invalid/v1"
MODELS = (None, EVIL, "//evil.invalid/m", "../../evil", "m?api_base=evil", "m#evil", "@evil.invalid")
DIALECTS = [name for name in CATALOGUE if name not in ("embedded", "llama_cpp_cli")]

tables = st.recursive(
    st.sampled_from([EVIL, "evil.invalid", "//evil.invalid", None, 7, True]),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=12,
).map(lambda value: {"api_base": EVIL, "nested": value})


def hostile(table: dict[str, Any], model: str | None) -> LLMRequest:
    """The table in every place of a request that takes one, and its address in every text."""
    text = msgspec.json.encode(table).decode()
    return LLMRequest(
        messages=(
            Message(role="user", content=text),
            Message(role="assistant", tool_calls=(ToolCall(id="call_1", name="api_base", arguments=text),)),
            Message(role="tool", content=EVIL, tool_call_id="call_1"),
            Message(role="user", content=EVIL),
        ),
        system=text,
        preferences=Preferences(model=model),
        tools=(ToolSpec(name="api_base", description=EVIL, input_schema={"type": "object", "properties": {}, "x-config": table}),),
        output=JsonSchema(name="base_url", schema={"type": "object", "properties": {}, "default": table}),
        metadata=RequestMetadata(user=EVIL, feature="api_base", tenant=EVIL),
    )


@settings(max_examples=40, deadline=None)
@given(
    tables,
    st.sampled_from(DIALECTS),
    st.sampled_from([None, EVIL, "//evil.invalid/m", "../../evil", "m?api_base=evil", "m#evil", "@evil.invalid"]),
)
def test_no_table_within_a_request_is_an_address(table: dict[str, Any], name: str, model: str | None) -> None:
    played = replayed({"exchanges": [{"method": method, "path": "*", "json": {}} for method in ("POST", "GET")]})
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    client = build_client(name, ProviderSettings(api_key=Secret("sk-good"), base_url="https://right.example/v1"), parts).unwrap()
    whole = hostile(table, model)
    for request in (whole, evolve(whole, tools=()), evolve(whole, output=LLMRequest("x").output)):
        run_virtual(_asked(client, request))
    assert played.sent or model is not None
    for envelope in played.sent:
        parts_of_it = urlsplit(envelope.url)
        assert (parts_of_it.scheme, parts_of_it.netloc, parts_of_it.fragment) == ("https", "right.example", "")
        assert "evil" not in parts_of_it.query
        assert ".." not in parts_of_it.path.split("/")
        assert not any(b"evil" in field for pair in envelope.headers for field in pair)


async def _asked(client: Any, request: LLMRequest) -> None:
    await settle(client.generate(request))
    async for _ in client.stream(request):
        pass
