"""What a model is for, told by its name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.models import ModelKind
from llm_manager.policies.model_kinds import kind_of_model


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            "embedding",
            """text-embedding-3-small text-embedding-ada-002 nomic-embed-text text-embedding-nomic-embed-text-v1.5 BAAI/bge-m3
            intfloat/multilingual-e5-large-instruct qwen3-embedding:0.6b gemini-embedding-001 all-minilm embeddinggemma
            mxbai-embed-large togethercomputer/m2-bert-80M-8k-retrieval""",
        ),
        ("moderation", "omni-moderation-latest text-moderation-stable"),
        ("image", "dall-e-3 gpt-image-2.5-flare chatgpt-image-latest black-forest-labs/FLUX.1-schnell gpt-5.4-image-2"),
        ("other", "whisper-1 gpt-4o-mini-tts gpt-4o-transcribe gpt-realtime-2 davinci-002 gpt-3.5-turbo-instruct BAAI/rerank-x"),
        (
            "chat",
            """gpt-4o o1 gpt-6.1-sol llama3.2:3b openai/gpt-oss-20b qwen/qwen3-30b-a3b-instruct-2507 claude-x gemini-3-pro my-tune
            meta-llama/Llama-Guard-4 codellama e5000 live-oak""",
        ),
    ],
)
def test_names_of_each_kind(kind: ModelKind, names: str) -> None:
    """By the words that their makers use."""
    assert {name: kind_of_model(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


@given(st.text())
def test_any_name_has_a_kind(name: str) -> None:
    """Whatever it is."""
    assert kind_of_model(name) in ("chat", "embedding", "moderation", "image", "other")
