"""How a run begins or goes on: from its words, wherever they come from, to what becomes of it."""

import sys
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import evolve, frozen
from returns.result import Failure

from llm_manager.cli.output import Output
from llm_manager.cli.run.asking import Run
from llm_manager.cli.run.consent import Consent
from llm_manager.cli.run.door import Door
from llm_manager.cli.run.job import run_job
from llm_manager.cli.run.overwriting import held_by, shrinking
from llm_manager.cli.run.preview import Previewing, preview
from llm_manager.cli.run.spending import Spending
from llm_manager.cli.run.typed import RunWords, plan_of, prepare_run
from llm_manager.cli.session import open_session
from llm_manager.domain.plans import Strategy


@frozen(kw_only=True)
class Manner:
    """How a run is gone about, beside what it asks: none of this decides an answer, but which model gives it."""

    config: Path | None = None
    strategy: Strategy | None = None
    concurrency: int | None = None
    retry_failed: bool = False
    overwrite: bool = False
    fork: bool = False
    budget_usd: Decimal | None = None
    yes: bool = False
    when_online: bool = False
    dry_run: bool = False
    estimate: bool = False

    def options(self) -> dict[str, Any]:
        """What is kept of it, to go on in the same manner."""
        config = None if self.config is None else str(self.config.absolute())
        return {"concurrency": self.concurrency, "strategy": self.strategy, "config": config}


def begin(output: Output, words: RunWords, manner: Manner) -> int:
    """Read the rows, open the manager, and ask them, or show what would be asked."""
    from llm_manager.real_world import real_world

    with TemporaryDirectory(prefix="llm-manager-") as scratch:
        read = prepare_run(words, stdin=sys.stdin.buffer, scratch=Path(scratch))
        if isinstance(read, Failure):
            return output.failure(read.failure())
        prepared, world, door, spending = read.unwrap(), real_world(), Door(), Spending()
        plan = evolve(plan_of(words, prepared, **manner.options()), budget_usd=manner.budget_usd)
        opened = open_session(
            output,
            config=manner.config,
            strategy=manner.strategy,
            budget_usd=manner.budget_usd,
            world=world,
            guarding=lambda guards: door.guarding(spending.guarding(guards)),
        )
        if isinstance(opened, Failure):
            return output.failure(opened.failure())
        if manner.dry_run or manner.estimate:
            looking = Previewing(
                limit=words.limit, retry_failed=manner.retry_failed, counting=manner.estimate, concurrency=manner.concurrency
            )
            return preview(opened.unwrap(), prepared, plan, looking)
        held = None if manner.overwrite else held_by(prepared, Path(scratch))
        shrunk = shrinking(prepared, words.limit, held)
        if shrunk is not None:
            return output.failure(shrunk)
        consent = Consent(given=manner.yes, budget_usd=manner.budget_usd, terminal=sys.stdin, concurrency=manner.concurrency)
        run = Run(
            session=opened.unwrap(),
            prepared=prepared,
            plan=plan,
            fork=manner.fork,
            overwrite=manner.overwrite,
            world=world,
            door=door,
            spending=spending,
            concurrency=manner.concurrency,
            retry_failed=manner.retry_failed,
            when_online=manner.when_online,
            held=held,
            consent=consent,
        )
        return run_job(run, Path(scratch))
