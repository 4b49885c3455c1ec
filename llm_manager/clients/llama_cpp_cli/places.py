"""Where the program and its models are, on this machine."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.clients.llama_cpp_cli import errors
from llm_manager.clients.llama_cpp_cli.profile import DEFAULT_MODELS_DIR, DEFAULT_PROGRAM
from llm_manager.clients.llama_cpp_cli.wsl import Manner, manner, seen_here, to_linux
from llm_manager.clients.who import Who
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled

_FOR_PEOPLE: Final = "llama-cli"
_FOR_PROGRAMS: Final = "llama-completion"


@frozen(kw_only=True)
class Machine:
    """What tells the machines apart that the program is started on; ``kernel`` is the text of ``/proc/version``."""

    windows: bool = False
    kernel: str = ""


@frozen(kw_only=True)
class Place:
    """The words that start the program, the folder of models as we call it, and how paths are to be understood."""

    program: tuple[str, ...]
    folder: Path
    how: Manner = "plain"


def this_machine() -> Machine:
    """The machine that we are on."""
    try:
        kernel = Path("/proc/version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        kernel = ""
    return Machine(windows=sys.platform == "win32", kernel=kernel)


def placed(settings: ProviderSettings, machine: Machine, environ: Mapping[str, str], who: Who) -> Settled[Place, LLMError]:
    """Where settings say that things are; the program for people gives way to the one for programs that lies beside it."""
    named = settings.llama_cpp_path or DEFAULT_PROGRAM
    how = manner(windows=machine.windows, kernel=machine.kernel, environ=environ, asked=settings.wsl, program=named)
    folder = Path(seen_here(settings.models_dir or DEFAULT_MODELS_DIR, how)).expanduser()
    if how == "through_wsl":
        if named.startswith("~"):
            return Failure(errors.home_unknown(named, who))
        return Success(Place(program=("wsl.exe", "--exec", to_linux(named)), folder=folder, how=how))
    return Success(Place(program=(str(_program(seen_here(named, how), environ)),), folder=folder, how=how))


def _program(named: str, environ: Mapping[str, str]) -> Path:
    program = Path(named).expanduser()
    if program.name == named:
        program = Path(shutil.which(named, path=environ.get("PATH")) or named)
    if program.stem == _FOR_PEOPLE:
        other = program.with_name(_FOR_PROGRAMS + program.suffix)
        if other.is_file():
            return other
    return program
