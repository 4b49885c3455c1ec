"""Where the rows of a run go: a file written whole at the end, or a stream that gets each row as soon as its turn has come."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from typing import Final, Protocol, TypeAlias

from returns.result import Failure, Success

from llm_manager.cli.output import Output
from llm_manager.cli.run.typed import Target
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.policies.printing import escaped
from llm_manager.runs.rendering import Lines, Rendering
from llm_manager.runs.writing import write_whole
from llm_manager.services.world import RunBlocking

Aside: TypeAlias = Callable[[], AbstractContextManager[None]]

_BATCH: Final = 512


class Sink(Protocol):
    """Takes the rows. ``broken`` is set when nobody takes them any more."""

    broken: OSError | None

    def news(self) -> None:
        """Rows may have become ready."""

    async def work(self, stop: Callable[[], object], aside: Aside) -> None:
        """Write rows as they become ready, until `close`; ``stop`` is called when nobody takes them any more.

        ``aside`` makes room for them where a person reads.
        """

    def close(self) -> None:
        """Let `work` end."""

    def finish(self) -> Settled[None, LLMError]:
        """Write what is left."""


@contextmanager
def sink_for(target: Target, output: Output, rendering: Rendering, run_blocking: RunBlocking) -> Iterator[Settled[Sink, LLMError]]:
    """Open what the rows go to, for a while. Raises nothing: a place that cannot be opened is a value."""
    if target.path is not None and target.whole:
        yield Success(WholeFile(target, rendering))
        return
    if target.path is None:
        yield Success(Stream(output, rendering, run_blocking))
        return
    try:
        file = target.path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        yield Failure(StorageFailed(message=f"{target.path} cannot be written: {error.strerror}", reason="denied"))
        return
    try:
        yield Success(Stream(Output(out=file, err=output.err), rendering, run_blocking))
    finally:
        with suppress(OSError):
            file.close()


class WholeFile:
    """A file that shows all rows at once, in the end."""

    def __init__(self, target: Target, rendering: Rendering) -> None:
        self._target = target
        self._rendering = rendering
        self.broken: OSError | None = None

    def news(self) -> None:
        """It waits for the end."""

    async def work(self, stop: Callable[[], object], aside: Aside) -> None:
        """It waits for the end."""

    def close(self) -> None:
        """There is nothing to end."""

    def finish(self) -> Settled[None, LLMError]:
        """Write the file."""
        return Success(None) if self._target.path is None else write_whole(self._target.path, self._rendering.rest())


class Stream:
    """A pipe, a terminal or a device: rows go out in a thread, in input order, so that a slow reader holds up no call."""

    def __init__(self, output: Output, rendering: Rendering, run_blocking: RunBlocking) -> None:
        self._output = output
        self._rendering = rendering
        self._run_blocking = run_blocking
        self._news = asyncio.Event()
        self._closing = False
        self.broken: OSError | None = None

    def news(self) -> None:
        """Rows may have become ready."""
        self._news.set()

    async def work(self, stop: Callable[[], object], aside: Aside) -> None:
        """Write rows as they become ready; the first that cannot be written stops the run."""
        while not self._closing:
            await self._news.wait()
            self._news.clear()
            try:
                await self._run_blocking(partial(self._write, self._rendering.ready(), aside if self._output.terminal else nullcontext))
            except OSError as error:
                self.broken = error
                stop()
                return

    def close(self) -> None:
        """Let `work` end."""
        self._closing = True
        self._news.set()

    def finish(self) -> Settled[None, LLMError]:
        """Write what is left; to a reader who is gone, nothing."""
        if self.broken is not None:
            return Success(None)
        try:
            return self._write(self._rendering.rest())
        except OSError as error:
            self.broken = error
            return Success(None)

    def _write(self, lines: Lines, aside: Aside = nullcontext) -> Settled[None, LLMError]:
        output = self._output
        batch: list[str] = []
        for line in lines:
            if isinstance(line, Failure):
                return line
            batch.append(escaped(line.unwrap().removesuffix("\n")) + "\n" if output.terminal else line.unwrap())
            if len(batch) >= _BATCH:
                self._put(batch, aside)
                batch = []
        self._put(batch, aside)
        return Success(None)

    def _put(self, batch: list[str], aside: Aside) -> None:
        if batch:
            with aside():
                self._output.out.writelines(batch)
                self._output.out.flush()
