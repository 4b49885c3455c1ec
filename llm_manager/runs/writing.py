"""The output file: written whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled


def write_whole(path: Path, lines: Iterable[Settled[str, LLMError]]) -> Settled[None, LLMError]:
    """Write a file so that its name shows either what was there before or all of this.

    A new file is for its owner alone; one that is replaced keeps its mode.
    """
    kept: Path | None = None
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        kept = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            kept.chmod(mode)
            for line in lines:
                if isinstance(line, Failure):
                    return line
                file.write(line.unwrap())
            file.flush()
            os.fsync(descriptor)
        kept.replace(path)
        kept = None
    except OSError as error:
        return Failure(StorageFailed(message=f"{path} could not be written ({error.strerror}); the finished rows are kept with the run"))
    finally:
        if kept is not None:
            with suppress(OSError):
                kept.unlink()
    return Success(None)
