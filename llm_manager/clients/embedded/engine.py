"""xllamacpp: llama.cpp's own server in this process. Imported, and its listener opened, by `load_engine` alone."""

import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import field, frozen
from returns.result import Failure, Success

from llm_manager.clients.embedded.errors import broke, not_importable, not_loaded, refused
from llm_manager.clients.embedded.profile import EngineParameters
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.outcomes import Settled

_MAGIC = b"GGUF"


@frozen(kw_only=True)
class Engine:
    """A loaded model. ``ask`` blocks until the answer ends.

    It takes a chat request that streams, the name to give the model in errors, and a function that is given every
    piece of the answer in the calling thread and returns True to stop.
    """

    ask: Callable[[str, str, Callable[[str], bool]], Settled[None, LLMError]] = field(repr=False)


def import_engine() -> Settled[Any, ConfigurationError]:
    """The engine's module, or what must be installed for it."""
    try:
        import xllamacpp
    except ImportError as error:
        return Failure(not_importable(error))
    return Success(xllamacpp)


def load_engine(parameters: EngineParameters) -> Settled[Engine, LLMError]:
    """Load a model, in a third of a second to some seconds; it is freed when nobody refers to the engine any more."""
    imported = import_engine()
    if isinstance(imported, Failure):
        return imported
    xllamacpp = imported.unwrap()
    if not _is_gguf(parameters.path):
        return Failure(not_loaded(parameters.path))
    chosen = xllamacpp.CommonParams()
    chosen.model.path = str(parameters.path)
    chosen.n_ctx = parameters.context_length
    chosen.n_parallel = parameters.parallel
    chosen.cpuparams.n_threads = parameters.threads
    chosen.cpuparams_batch.n_threads = parameters.threads
    chosen.cache_ram_mib = 0
    chosen.use_jinja = True
    chosen.ui = False
    chosen.offline = True
    chosen.verbosity = 0
    chosen.endpoint_metrics = True
    chosen.api_keys = [secrets.token_hex(32)]
    hidden = Path(tempfile.mkdtemp(prefix="llm-manager-"))
    try:
        if sys.platform != "win32":
            chosen.hostnames = [str(hidden / "engine.sock")]
        server = xllamacpp.Server(chosen)
        server.handle_metrics()  # answered by the engine's loop: freeing a server before its loop runs would wait for ever
    except RuntimeError:
        return Failure(not_loaded(parameters.path))
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return Success(Engine(ask=_asking(server)))


def _asking(server: Any) -> Callable[[str, str, Callable[[str], bool]], Settled[None, LLMError]]:
    def ask(request: str, model: str, hear: Callable[[str], bool]) -> Settled[None, LLMError]:
        try:
            server.handle_chat_completions(request, hear)
        except ValueError as error:
            return Failure(refused(error))
        except RuntimeError as error:
            return Failure(broke(error, model))
        return Success(None)

    return ask


def _is_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as opened:
            return opened.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False
