"""`llm-manager usage report`: one page that is opened in a browser, alone."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from returns.result import Failure, Success

from llm_manager.cli.exits import OK
from llm_manager.cli.session import Session
from llm_manager.cli.usage.page.gathering import gathered
from llm_manager.cli.usage.page.page import page
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.usage_log import UsageQuery
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world


async def report(session: Session, query: UsageQuery, to: Path) -> int:
    """Write the page; what stood in its place is replaced whole or not at all."""
    output = session.output
    found = await gathered(session.manager.usage_report, query, real_world().wall())
    if isinstance(found, Failure):
        return output.failure(found.failure())
    written = _write(to, page(found.unwrap()))
    if isinstance(written, Failure):
        return output.failure(written.failure())
    total = found.unwrap().over_time.total
    if output.json:
        output.document({"output": str(to), "requests": total.requests})
    else:
        output.note(f"{to}: {total.requests} requests; open it in a browser")
    return OK


def _write(to: Path, text: str) -> Settled[None, LLMError]:
    """For its owner alone: the page names users."""
    kept: str | None = None
    try:
        descriptor, kept = tempfile.mkstemp(prefix=f".{to.name}.", dir=to.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(kept).replace(to)
        kept = None
    except OSError as error:
        return Failure(StorageFailed(message=f"{to} could not be written: {error.strerror}; give another file with -o", reason="denied"))
    finally:
        if kept is not None:
            with suppress(OSError):
                Path(kept).unlink()
    return Success(None)
