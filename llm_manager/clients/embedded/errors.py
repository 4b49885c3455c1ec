"""What it means that the engine is not there, does not load, or raises; what it answers is `openai_chat`'s to judge."""

import platform
import sys
from pathlib import Path

from llm_manager.distribution import install_hint
from llm_manager.domain.errors import ConfigurationError, Fault, InvalidRequest, ModelUnavailable

_LONGEST_WORDS = 300
_BUILT_FOR = frozenset(
    {
        ("linux", "x86_64"),
        ("linux", "aarch64"),
        ("darwin", "x86_64"),
        ("darwin", "arm64"),
        ("win32", "amd64"),
    }
)


def refused(error: ValueError) -> InvalidRequest:
    """A request that the engine would not begin, such as one with a schema it cannot follow."""
    return InvalidRequest(message=f"the embedded engine refused the request: {_cut(str(error))}")


def broke(error: RuntimeError, model: str) -> ModelUnavailable:
    """An engine that failed at its work."""
    return ModelUnavailable(model=model, message=f"the embedded engine failed: {_cut(str(error))}", reason="server")


def not_loaded(path: Path) -> ConfigurationError:
    """A file that the engine would not load; it does not say why."""
    fault = Fault(
        source="embedded model",
        key="embedded.model_path",
        problem=f"the engine cannot load {path}",
        fix="it takes a GGUF file of a chat model, read access to it, and memory of about twice its size",
    )
    return ConfigurationError(message=str(fault), faults=(fault,))


def not_importable(error: ImportError) -> ConfigurationError:
    """Why the engine is not there, and what to install."""
    words = str(error)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "xllamacpp":
        fault = Fault(
            source="embedded model",
            key="",
            problem=f"its engine, xllamacpp, is not installed{_unbuilt()}",
            fix=install_hint("embedded"),
        )
    elif "libgomp" in words or "libomp" in words:
        fault = Fault(
            source="embedded model", key="", problem="its engine needs the system's OpenMP library", fix=openmp_hint(sys.platform)
        )
    else:
        fault = Fault(
            source="embedded model",
            key="",
            problem=f"its engine, xllamacpp, is installed and does not load: {_cut(words)}",
            fix=f"install it afresh: {install_hint('embedded')} --force-reinstall",
        )
    return ConfigurationError(message=str(fault), faults=(fault,))


def openmp_hint(system: str) -> str:
    """How to install the OpenMP library on that system (as `sys.platform` names it)."""
    match system:
        case "linux":
            return "run `apt-get install libgomp1` (Debian, Ubuntu), `dnf install libgomp` (Fedora) or your system's like"
        case "darwin":
            return "run `brew install libomp`"
        case _:
            return "install your system's OpenMP runtime"


def has_build(system: str, machine: str, libc: str) -> bool:
    """Say whether the engine is published ready-made for such a machine."""
    return (system, machine.lower()) in _BUILT_FOR and (system != "linux" or libc == "glibc")


def _unbuilt() -> str:
    machine, libc = platform.machine(), platform.libc_ver()[0]
    if has_build(sys.platform, machine, libc):
        return ""
    return f" (and there is no ready-made build for {sys.platform} {machine} {libc or 'without glibc'}: building it takes CMake and Rust)"


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST_WORDS else words[:_LONGEST_WORDS] + " ..."
