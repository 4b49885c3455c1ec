"""`llm-manager models pull`, and the same at first use: the weights of the embedded model, with their progress shown."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from returns.result import Failure, Success

from llm_manager.cli.exits import OK
from llm_manager.cli.output import Output
from llm_manager.domain.configuration import EmbeddedSettings
from llm_manager.domain.errors import LLMError, PolicyBlocked
from llm_manager.outcomes import Settled
from llm_manager.policies.printing import one_line
from llm_manager.services.world import World

OnProgress: TypeAlias = Callable[[int, int], None]
Fetch: TypeAlias = Callable[[OnProgress], Coroutine[Any, Any, Settled[Path, LLMError]]]
"""Fetches the weights and tells the bytes fetched and the bytes in all, maybe from another thread."""

_DOING: Final = "fetching the embedded model"
_WHAT: Final = "the embedded model (98 MB, once)"
_QUARTERS: Final = 4


def pull(output: Output, embedded: EmbeddedSettings, environ: Mapping[str, str], fetch: Fetch, *, airgap: bool = False) -> int:
    """Fetch the weights unless they are there; say where they are. Under airgap nothing is fetched."""
    from llm_manager.clients.embedded.weights import find_weights, missing_weights

    found = find_weights(embedded, environ)
    if found is None and embedded.model_path is not None:
        return output.failure(missing_weights(embedded, environ))
    if found is None and airgap:
        message = "under airgap nothing is fetched: bring a GGUF file by other means and name it as embedded.model_path"
        return output.failure(PolicyBlocked(message=message, policy="airgap"))
    if found is None:
        fetched = asyncio.run(fetch_showing(output, fetch))
        if isinstance(fetched, Failure):
            return output.failure(fetched.failure())
        found = fetched.unwrap()
    else:
        output.note("the weights are here already")
    if output.json:
        output.document({"path": str(found)})
    else:
        output.text(str(found))
    return OK


def fetching(world: World) -> Fetch:
    """How the weights are fetched in this world."""

    async def fetch(on_progress: OnProgress) -> Settled[Path, LLMError]:
        from llm_manager.clients.embedded.fetching import fetch_weights

        return await fetch_weights(world, on_progress=on_progress)

    return fetch


async def fetch_showing(output: Output, fetch: Fetch) -> Settled[Path, LLMError]:
    """Fetch the weights: with a bar on a terminal, with a line now and then elsewhere."""
    with showing(output, _DOING, f"fetching {_WHAT}") as on_progress:
        fetched = await fetch(on_progress)
    if isinstance(fetched, Success):
        output.note(f"fetched {_WHAT}")
    return fetched


def showing(output: Output, doing: str, first: str | None = None) -> AbstractContextManager[OnProgress]:
    """Show how far a fetching has come: with a bar on a terminal, elsewhere with a line first and one now and then."""
    return _bar(output, doing) if output.err.isatty() else _lines(output, doing, first or doing)


@contextmanager
def _bar(output: Output, doing: str) -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=output.err), transient=True) as progress:
        task = progress.add_task(one_line(doing), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def _lines(output: Output, doing: str, first: str) -> Iterator[OnProgress]:
    output.note(first)
    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        quarter = _QUARTERS * done // total if total else 0
        if told < quarter < _QUARTERS:
            told = quarter
            output.note(f"{doing}: {100 * quarter // _QUARTERS} %")

    yield tell
