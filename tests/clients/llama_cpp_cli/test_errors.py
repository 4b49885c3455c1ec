"""One line for each way in which the program was seen, or is documented, to end badly."""

import pytest

from llm_manager.clients.llama_cpp_cli.errors import ended_badly
from llm_manager.clients.who import Who
from llm_manager.domain.error_questions import may_fall_back, resend
from llm_manager.domain.errors import ConfigurationError, ContextTooLarge, InvalidRequest, LLMError, ModelUnavailable
from llm_manager.domain.requests import LLMRequest

REQUEST = LLMRequest("my secret words about the weather in Samarkand")
WHO = Who(provider="llama_cpp_cli", model="small.gguf", endpoint="llama_cpp_cli:~/models", request=REQUEST)

TRUTHS = [
    # exit code, standard error, what it is, reason or setting, how often it may be sent again
    (1, "0.00.155.299 E llama_completion: prompt is too long (3010 tokens, max 252)\n", ContextTooLarge, None, "never"),
    (1, "main: prompt is too long (9 tokens, max 4)", ContextTooLarge, None, "never"),
    (
        1,
        "0.00.2 E cmn  common_init_: failed to load model '/x'\nE llama_completion: error: unable to create context",
        ModelUnavailable,
        "permanent",
        "never",
    ),
    (1, "gguf_init_from_file_impl: invalid magic characters: 'tjgg', expected 'GGUF'", ModelUnavailable, "permanent", "never"),
    (1, "E ggml_gallocr_reserve_n_impl: failed to allocate CPU buffer of size 103024640", ModelUnavailable, "server", "never"),
    (
        1,
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9 MiB on device 0: cudaMalloc failed: out of memory",
        ModelUnavailable,
        "server",
        "never",
    ),
    (1, "unable to allocate CUDA0 buffer\nllama_model_load: error loading model", ModelUnavailable, "server", "never"),
    (-9, "", ModelUnavailable, "server", "never"),
    (137, "", ModelUnavailable, "server", "never"),
    (-6, "GGML_ASSERT(x) failed", ModelUnavailable, "server", "freely"),
    (1, "", ModelUnavailable, "server", "freely"),
    (
        1,
        'error while handling argument "-jf": JSON schema conversion failed:\nJSON schema error at #: unrecognized type',
        InvalidRequest,
        None,
        "never",
    ),
    (1, "error: invalid argument: -cnv\n", ConfigurationError, "llama_cpp_path", "never"),
    (1, "error: invalid argument: --no-warmup\n", ConfigurationError, "llama_cpp_path", "never"),
    (1, 'error while handling argument "-ctk": Unsupported cache type: zz', ConfigurationError, "llama_cpp_path", "never"),
    (1, "E llama_init_from_model: quantized V cache requires flash_attn to be enabled", ConfigurationError, "cache_type_v", "never"),
    (1, "llama_init_from_model: V cache quantization requires flash_attn", ConfigurationError, "cache_type_v", "never"),
]


@pytest.mark.parametrize(("code", "complaints", "kind", "told", "again"), TRUTHS)
def test_every_bad_end_has_its_meaning(code: int, complaints: str, kind: type[LLMError], told: str | None, again: str) -> None:
    error = ended_badly(code, complaints, WHO)
    assert isinstance(error, kind)
    assert resend(error) == again
    assert may_fall_back(error) is not isinstance(error, InvalidRequest)
    if isinstance(error, ModelUnavailable):
        assert error.reason == told
    if isinstance(error, ConfigurationError):
        assert error.faults[0].key == f"providers.llama_cpp_cli.{told}"
    assert error.origin is not None  # type: ignore[union-attr]  # each of these four has one
    assert error.origin.code == f"exit {code}" or "-cnv" in complaints  # type: ignore[union-attr]  # as above


def test_a_prompt_that_is_too_long_is_counted() -> None:
    error = ended_badly(1, "prompt is too long (3010 tokens, max 252)", WHO)
    assert isinstance(error, ContextTooLarge)
    assert (error.token_count, error.limit) == (3010, 252)


def test_complaints_are_cut_and_hold_no_words_of_the_request() -> None:
    error = ended_badly(1, "x " * 50_000 + "my secret words about the weather in Samarkand", WHO)
    assert isinstance(error, ModelUnavailable)
    assert error.origin is not None
    assert "secret" not in repr(error)
    assert len(error.origin.raw or "") <= 2048
