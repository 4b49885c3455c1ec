"""From the way the program ended to an `LLMError`: the only file that knows its exit codes and complaints.

Its complaints are its own: standard error holds no word of the prompt, whose text goes by files and is echoed nowhere.
"""

import re
from typing import Final

from llm_manager.clients.data.needs import MINIMAL
from llm_manager.clients.llama_cpp_cli.profile import PROVIDER
from llm_manager.clients.who import Who
from llm_manager.domain.errors import (
    ConfigurationError,
    ContextTooLarge,
    Fault,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    Origin,
    RequestTimeout,
)

TALKING: Final = "-cnv"
"""The flag by which the program is told to talk; the newest program for people, which does nothing else, refuses it."""
_TOO_LONG: Final = re.compile(r"prompt is too long \((\d{1,12}) tokens, max (\d{1,12})\)")
_SCHEMA: Final = re.compile(r"JSON schema conversion failed|failed to parse grammar|JSON schema error")
_ARGUMENT: Final = re.compile(r"error: (?:invalid|unknown) argument: (\S{1,100})|error while handling argument \"(\S{1,100})\"")
_FLASH: Final = re.compile(r"V cache .{0,40}requires? flash_attn|quantized V cache was requested", re.IGNORECASE)
_MEMORY: Final = re.compile(
    r"out of memory|cudaMalloc failed|failed to allocate|unable to allocate|cannot allocate memory|OutOfDeviceMemory|std::bad_alloc",
    re.IGNORECASE,
)
_UNREADABLE: Final = re.compile(r"failed to load model|error loading model|unable to load model|invalid magic")
_KILLED: Final = frozenset({-9, 137})
_INTERACTIVE: Final = "the program is the llama-cli of a newer build: it draws a screen for people, which is no answer"
_RAW: Final = 2000


def ended_badly(code: int, complaints: str, who: Who) -> LLMError:
    """What it means that the program ended with this exit code (below zero: by a signal) and these last complaints."""
    origin = who.origin(code=f"exit {code}", raw=complaints[-_RAW:])
    too_long = _TOO_LONG.search(complaints)
    if too_long is not None:
        return ContextTooLarge(model=who.model, token_count=int(too_long[1]), limit=int(too_long[2]), origin=origin)
    if _SCHEMA.search(complaints):
        return InvalidRequest(message="llama.cpp cannot follow the JSON schema of the request", request=who.request, origin=origin)
    if _FLASH.search(complaints):
        return _configured("cache_type_v", "a quantized cache of values needs flash attention", "set flash_attention to true", origin)
    argument = _ARGUMENT.search(complaints)
    if argument is not None and argument[1] == TALKING:
        return interactive(who)
    if argument is not None:
        problem = f"this build of llama.cpp does not take {who.safe(argument[1] or argument[2])}"
        return _configured("llama_cpp_path", problem, "build a newer one, or leave the setting out that asks for it", origin)
    if _MEMORY.search(complaints) or code in _KILLED:
        return _unavailable(
            f"llama.cpp ran out of memory; lower context_length or gpu_layers, or take a smaller model: {MINIMAL.ram_gb} GB"
            f" serve models like {MINIMAL.models[-1]}",
            who,
            origin,
        )
    if _UNREADABLE.search(complaints):
        return ModelUnavailable(
            model=who.model, message="llama.cpp cannot load the file: it is no GGUF, or not whole", reason="permanent", origin=origin
        )
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return ModelUnavailable(model=who.model, message=f"llama.cpp {how}", reason="server", origin=origin)


def not_started(error: OSError, program: str, who: Who) -> ConfigurationError:
    """A program that is not there, or may not be started."""
    words = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be started ({error.strerror or type(error).__name__})"
    fix = "set it to llama.cpp's llama-completion, or to the llama-cli beside which it lies"
    return _configured("llama_cpp_path", f"{program} {words}", fix, who.origin())


def not_written(error: OSError, who: Who) -> ModelUnavailable:
    """A request whose texts cannot be put where the program reads them."""
    why = error.strerror or type(error).__name__
    return _unavailable(f"the request cannot be written to a file for llama.cpp: {why}", who, who.origin())


def home_unknown(program: str, who: Who) -> ConfigurationError:
    """A path inside WSL that begins with a home folder, which is not known outside."""
    return _configured("llama_cpp_path", f"{program} is inside WSL", "write it in full, as /home/you/...", who.origin())


def interactive(who: Who) -> ConfigurationError:
    """A program that talks to people, not to programs."""
    fix = "name llama-completion instead, or build it: cmake --build build --target llama-completion"
    return _configured("llama_cpp_path", _INTERACTIVE, fix, who.origin())


def no_such_model(name: str, folder: str, there: tuple[str, ...], who: Who) -> ModelUnavailable:
    """A name that is no file of the models folder."""
    known = f"; these are there: {', '.join(there)}" if there else "; no .gguf file is there"
    message = f"{who.safe(name)[:200]} is no .gguf file inside {folder}{known}"
    return ModelUnavailable(model=who.model, message=message, reason="permanent", origin=who.origin())


def no_single_model(folder: str, there: tuple[str, ...], who: Who) -> ConfigurationError:
    """A folder with no model or several, when none is named."""
    if not there:
        return _configured("models_dir", f"no .gguf file is inside {folder}", "put a model there, or name another folder", who.origin())
    return _configured("default_model", f"{folder} holds several models", f"name one: {', '.join(there)}", who.origin())


def too_large(needed_gb: float, limit_gb: float, who: Who) -> ModelUnavailable:
    """A model that would need more memory than settings allow."""
    message = f"the model is {needed_gb:.1f} GB on disk, and memory_limit_gb is {limit_gb:g}"
    return ModelUnavailable(model=who.model, message=message, reason="permanent", origin=who.origin())


def overflowing(who: Who) -> ModelUnavailable:
    """A program that writes more than any answer is long."""
    return _unavailable("llama.cpp wrote without end: it was stopped", who, who.origin())


def closed(who: Who) -> ModelUnavailable:
    """A program that was killed because its client was closed."""
    return ModelUnavailable(
        model=who.model, message="the client was closed before the answer ended", reason="not_running", origin=who.origin()
    )


def silent(who: Who, seconds: float) -> RequestTimeout:
    """A program that stopped writing in mid-answer."""
    return RequestTimeout(model=who.model, timeout_ms=round(seconds * 1000), phase="stall", origin=who.origin())


def _unavailable(message: str, who: Who, origin: Origin) -> ModelUnavailable:
    return ModelUnavailable(model=who.model, message=message, reason="server", resend_helps=False, origin=origin)


def _configured(setting: str, problem: str, fix: str, origin: Origin) -> ConfigurationError:
    fault = Fault(source="settings", key=f"providers.{PROVIDER}.{setting}", problem=problem, fix=fix)
    return ConfigurationError(message=str(fault), faults=(fault,), origin=origin)
