"""Google's own client reads our recordings as we do, and writes the same requests."""

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from google.genai import Client, errors, types
from returns.result import Failure

from llm_manager.clients.gemini.codec import Defaults, decode, encode
from llm_manager.clients.gemini.embedding import embedding
from llm_manager.clients.gemini.errors import error_of
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ContentFiltered, Origin, QuotaExhausted
from llm_manager.domain.messages import DocumentUrl, ImageData, Message, TextPart, Thought, ToolCall, ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.domain.wire_requests import WireReply
from tests.clients.gemini.bodies import PROMPT_BLOCKED, WHO, WHOLE, chunk, split, sse, told
from tests.loopback import Answer, Chunked, FaultServer, fault_server, json_reply

MODEL = "gemini-3.6-flash"
PROFILE = ModelProfile(name=MODEL, provider="gemini", vision=True, documents=True)
PROOF = b"proof of thought"
SIGNATURE = base64.b64encode(PROOF).decode()
FINISHES: dict[types.FinishReason | None, Finish] = {types.FinishReason.STOP: "stop", types.FinishReason.MAX_TOKENS: "length"}


@contextmanager
def official(*script: Answer) -> Iterator[tuple[Client, FaultServer]]:
    """The official client, asking a server of ours."""
    with fault_server(*script) as server:
        options = types.HttpOptions(base_url=server.url, api_version="v1beta", timeout=5000)
        client = Client(api_key="AIza-test", http_options=options)
        try:
            yield client, server
        finally:
            client.close()


def ours(answer: dict[str, Any]) -> LLMResponse:
    return decode(WireReply(status=200, body=json.dumps(answer).encode()), WHO, wall=0.0).unwrap()


def agree(response: LLMResponse, pieces: Sequence[types.GenerateContentResponse]) -> None:
    """Text, thoughts, calls, what it took, how it ended, and who answered."""
    parts = [part for piece in pieces for each in piece.candidates or () if each.content for part in each.content.parts or ()]
    assert response.content == "".join(part.text for part in parts if part.text and not part.thought)
    assert response.reasoning == "".join(part.text for part in parts if part.text and part.thought)
    calls = [part for part in parts if part.function_call]
    assert [(call.name, json.loads(call.arguments)) for call in response.tool_calls] == [
        (part.function_call.name, part.function_call.args or {}) for part in calls if part.function_call
    ]
    assert [base64.b64decode(call.signature) for call in response.tool_calls] == [part.thought_signature or b"" for part in calls]
    assert [call.id for call, part in zip(response.tool_calls, calls, strict=True) if part.function_call and part.function_call.id] == [
        part.function_call.id for part in calls if part.function_call and part.function_call.id
    ]
    proofs = [part.thought_signature for part in parts if part.thought_signature and not part.function_call]
    assert [base64.b64decode(thought.signature) for thought in response.thoughts] == proofs
    usage, counted = response.usage, pieces[-1].usage_metadata
    assert usage is not None
    assert counted is not None
    assert usage.total_tokens == counted.total_token_count
    assert usage.prompt_tokens == (counted.prompt_token_count or 0) + (counted.tool_use_prompt_token_count or 0)
    assert usage.cache_read_tokens == (counted.cached_content_token_count or 0)
    assert (usage.output_tokens, usage.reasoning_tokens) == (counted.candidates_token_count, counted.thoughts_token_count or 0)
    ending = next(each.finish_reason for piece in reversed(pieces) for each in piece.candidates or () if each.finish_reason)
    assert response.finish == ("tool_calls" if calls else FINISHES[ending])
    assert response.model == pieces[-1].model_version
    assert response.request_id == pieces[0].response_id


@pytest.mark.parametrize("answer", WHOLE.values(), ids=list(WHOLE))
def test_whole_answers(answer: dict[str, Any]) -> None:
    """Read alike."""
    with official(json_reply(answer)) as (client, _):
        theirs = client.models.generate_content(model=MODEL, contents="Hi")
    agree(ours(answer), [theirs])


@pytest.mark.parametrize("answer", WHOLE.values(), ids=list(WHOLE))
def test_streams(answer: dict[str, Any]) -> None:
    """Piece by piece, and asked for at the same address."""
    pieces = split(answer)
    with official(Chunked([sse(piece) for piece in pieces])) as (client, server):
        theirs = list(client.models.generate_content_stream(model=MODEL, contents="Hi"))
    last = told([sse(*pieces)])[-1].unwrap()
    assert isinstance(last, StreamFinished)
    agree(last.response, theirs)
    assert server.requests[0].path == f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"


def test_an_answer_cut_by_length() -> None:
    """Ends as it does for us."""
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
    cut = chunk({"text": "so f"}, finish="MAX_TOKENS", usageMetadata=usage)
    with official(json_reply(cut)) as (client, _):
        agree(ours(cut), [client.models.generate_content(model=MODEL, contents="Hi")])


def test_a_blocked_prompt() -> None:
    """What is a field to them is an error to us."""
    with official(json_reply(PROMPT_BLOCKED)) as (client, _):
        theirs = client.models.generate_content(model=MODEL, contents="Hi")
    assert theirs.prompt_feedback is not None
    assert theirs.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT
    outcome = decode(WireReply(status=200, body=json.dumps(PROMPT_BLOCKED).encode()), WHO, wall=0.0)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ContentFiltered)


def test_errors() -> None:
    """Status and code are the same, alone or in a list."""
    told = {"error": {"code": 402, "message": "pay first", "status": "FAILED"}}
    for body in (told, [told]):
        with official(json_reply(body, 402)) as (client, _), pytest.raises(errors.ClientError) as raised:
            client.models.generate_content(model=MODEL, contents="Hi")
        error = error_of(WireReply(status=402, body=json.dumps(body).encode()), WHO, wall=0.0)
        assert isinstance(error, QuotaExhausted)
        assert isinstance(error.origin, Origin)
        assert (error.origin.status, error.origin.code, error.message) == (raised.value.code, raised.value.status, raised.value.message)


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOK = ToolSpec(name="look", description="Look it up", input_schema=SCHEMA)
CONVERSATION = (
    Message(role="user", content=(TextPart(text="See"), ImageData(data=b"\x00\x01\x02"), DocumentUrl(url="https://x.example/a.pdf"))),
    Message(
        role="assistant",
        content="I look",
        thoughts=(Thought(signature=SIGNATURE),),
        tool_calls=(ToolCall(id="a1", name="look", arguments='{"city": "Oslo"}', signature=SIGNATURE),),
    ),
    Message(role="tool", content="rain", tool_call_id="a1"),
)
CONTENTS = [
    types.Content(
        role="user",
        parts=[
            types.Part(text="See"),
            types.Part.from_bytes(data=b"\x00\x01\x02", mime_type="image/png"),
            types.Part.from_uri(file_uri="https://x.example/a.pdf", mime_type="application/pdf"),
        ],
    ),
    types.Content(
        role="model",
        parts=[
            types.Part(text="I look", thought_signature=PROOF),
            types.Part(function_call=types.FunctionCall(id="a1", name="look", args={"city": "Oslo"}), thought_signature=PROOF),
        ],
    ),
    types.Content(
        role="user",
        parts=[types.Part(function_response=types.FunctionResponse(id="a1", name="look", response={"output": "rain"}))],
    ),
    types.Content(role="user", parts=[types.Part(text="And now?")]),
]


def test_requests_are_written_alike() -> None:
    """Turns, images, documents, tools, results, schema, thinking and limits: our bytes mean what theirs do."""
    request = LLMRequest(
        "And now?",
        system="Be brief.",
        messages=CONVERSATION,
        tools=(LOOK,),
        tool_choice=UseTool(name="look"),
        output=JsonSchema(schema=SCHEMA),
        preferences=Preferences(max_tokens=99, temperature=0.5, top_p=0.25, stop=("END",), seed=7, reasoning="low"),
    )
    wire = encode(request, PROFILE, Defaults()).unwrap()
    declared = types.FunctionDeclaration(name="look", description="Look it up", parameters_json_schema=SCHEMA)
    choice = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["look"])
    with official(json_reply(WHOLE["text"])) as (client, server):
        client.models.generate_content(
            model=MODEL,
            contents=list(CONTENTS),
            config=types.GenerateContentConfig(
                system_instruction="Be brief.",
                max_output_tokens=99,
                temperature=0.5,
                top_p=0.25,
                stop_sequences=["END"],
                seed=7,
                response_mime_type="application/json",
                response_json_schema=SCHEMA,
                tools=[types.Tool(function_declarations=[declared])],
                tool_config=types.ToolConfig(function_calling_config=choice),
                thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW, include_thoughts=True),
            ),
        )
    (sent,) = server.requests
    assert sent.path == f"/v1beta{wire.path}"
    theirs = _plain(sent.json())
    assert theirs["systemInstruction"].pop("role") == "user"
    assert _plain(json.loads(wire.body)) == theirs
    assert sent.headers["x-goog-api-key"] == "AIza-test"


def test_vectors_are_asked_for_alike() -> None:
    """A content for each text."""
    model = ModelProfile(name="gemini-embedding-001", provider="gemini")
    wire = embedding(EmbedRequest(("a", "b"), dimensions=8, purpose="document"), model).unwrap()
    answer = {"embeddings": [{"values": [0.5]}, {"values": [1.0]}]}
    with official(json_reply(answer)) as (client, server):
        theirs = client.models.embed_content(
            model="gemini-embedding-001",
            contents=["a", "b"],
            config=types.EmbedContentConfig(output_dimensionality=8, task_type="RETRIEVAL_DOCUMENT"),
        )
    assert [each.values for each in theirs.embeddings or ()] == [[0.5], [1.0]]
    (sent,) = server.requests
    assert sent.path == f"/v1beta{wire.path}"
    asked = _plain(sent.json())
    assert [each["content"].pop("role") for each in asked["requests"]] == ["user", "user"]
    assert _plain(json.loads(wire.body)) == asked


def _plain(told: Any) -> Any:
    """With keys in one spelling: theirs are partly written with underscores, which Gemini reads as well."""
    if isinstance(told, list):
        return [_plain(each) for each in told]
    if not isinstance(told, dict):
        return told
    return {_camel(key): _plain(value) for key, value in told.items() if value is not None}


def _camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(other.capitalize() for other in others)
