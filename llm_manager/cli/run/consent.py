"""Agreeing to what a run will cost, before anything is sent: asked on a terminal, refused elsewhere unless it was said beforehand."""

import asyncio
from decimal import Decimal
from typing import TextIO

from attrs import frozen

from llm_manager.cli.agreeing import agreed, may_ask
from llm_manager.cli.exits import FAILED
from llm_manager.cli.run.estimate import RunEstimate, estimate_lines, estimated
from llm_manager.cli.session import Session
from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.models import KnownPrice, ModelProfile
from llm_manager.domain.usage import Unpriced, Usage
from llm_manager.effects import settle
from llm_manager.policies.budget_words import plain
from llm_manager.policies.consenting import doubt, unknown_cost
from llm_manager.policies.pricing import is_free, price
from llm_manager.runs.jobs import Job
from llm_manager.runs.settling import first_plan
from llm_manager.runs.surveying import Survey


@frozen(kw_only=True)
class Consent:
    """What was said beforehand: ``given`` by --yes, or a budget of the run's own; ``terminal`` is where somebody may be asked."""

    given: bool = False
    budget_usd: Decimal | None = None
    terminal: TextIO
    concurrency: int | None = None


def withheld(session: Session, job: Job, found: Survey, consent: Consent) -> int | None:
    """The exit code of a run that is not agreed to; None for one that may begin. Nothing is asked about what costs nothing."""
    output = session.output
    if consent.given or consent.budget_usd is not None or not found.requests:
        return None
    profile = asyncio.run(_asked_first(session, job, found))
    if profile is None or (isinstance(profile.price, KnownPrice) and is_free(profile.price)):
        return None
    priced = price(Usage(input_tokens=1, output_tokens=1), profile.price)
    if isinstance(priced, Unpriced):
        output.note(f"note: what {profile.name} costs is not known ({priced.reason})")
        return None
    whole = asyncio.run(estimated(session, job, found, profile, consent.concurrency))
    if (unknown := unknown_cost(whole.taken)) is not None:
        output.note(f"note: {unknown}")
    why = doubt(whole.taken, above_usd=session.config.display.ask_above_usd)
    return None if why is None else _asked(session, whole, why, consent)


def _asked(session: Session, whole: RunEstimate, why: str, consent: Consent) -> int | None:
    output = session.output
    for line in estimate_lines(whole):
        output.note(line)
    if not may_ask(output, consent.terminal):
        above = plain(session.config.display.ask_above_usd)
        message = f"{why}, and nobody is there to be asked: say --yes, or bound it with --budget (display.ask_above_usd is {above})"
        return output.failure(ConfigurationError(message=message))
    if agreed(output, consent.terminal, f"{why}; go on?"):
        return None
    output.note("nothing was sent")
    return FAILED


async def _asked_first(session: Session, job: Job, found: Survey) -> ModelProfile | None:
    """The model that the run would settle on; None where that is nobody, which is told when it begins."""
    await settle(session.manager.discover())
    plan = first_plan(session.manager.plan, job, found)
    return None if plan is None else plan.steps[0].profile
