"""`llm-manager audit`: the trail of what was asked and with which key, and whether it is as it was written."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from cyclopts import App, Parameter
from cyclopts.types import PositiveInt
from returns.result import Failure, Success

from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.parsing import Config, Json
from llm_manager.cli.session import Session, conduct, standard_output
from llm_manager.domain.audit import Anchor, AuditReport, AuditRow
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.moments import moment_exactly
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.policies.plurals import counted
from llm_manager.services.audit_trail import AuditTrail

_PAGE: Final = 500
_WORDS: Final = {
    "edited": "is not as it was written",
    "missing": "follows rows that are gone",
    "repeated": "is there twice, or out of its order",
    "cut": "was the last row of an anchor, and is gone or another",
    "unreadable": "is a line of the anchors that cannot be read",
}

_EPILOGUE: Final = """\
Examples:

  llm-manager audit show --last 50
  llm-manager audit verify --anchors anchors.jsonl
  llm-manager audit anchor >> anchors.jsonl"""

Anchors: TypeAlias = Annotated[
    Path | None, Parameter(help="A file of anchors to compare with; store.audit_anchors by default.", negative=())
]


def add(app: App) -> None:
    """Add the commands."""
    audit = App(name="audit", help="Look at the audit trail, or check it.", help_epilogue=_EPILOGUE)
    audit.command(_verify, name="verify", help_epilogue="")
    audit.command(_show, name="show", help_epilogue="")
    audit.command(_anchor, name="anchor", help_epilogue="")
    app.command(audit)


def _verify(*, anchors: Anchors = None, json: Json = False, config: Config = None) -> int:
    """Read the whole trail and tell every row that was changed, removed, repeated or put elsewhere."""
    return _on_trail(lambda session, trail: verify(session, trail, anchors), json=json, config=config)


def _show(
    *, last: Annotated[PositiveInt, Parameter(help="So many of the newest rows.")] = 20, json: Json = False, config: Config = None
) -> int:
    """Show the newest rows."""
    return _on_trail(lambda session, trail: show(session, trail, last), json=json, config=config)


def _anchor(*, json: Json = False, config: Config = None) -> int:
    """Tell how long the trail is and the digest of its last row, to be kept where the trail is not."""
    return _on_trail(anchor, json=json, config=config)


_Work: TypeAlias = Callable[[Session, AuditTrail], Coroutine[Any, Any, int]]


def _on_trail(work: _Work, *, json: bool, config: Path | None) -> int:
    async def command(session: Session) -> int:
        trail = None if session.store is None else session.store.audit
        if trail is None:
            told = "no audit trail is kept: set store.audit_key, as by LLM_MANAGER_STORE__AUDIT_KEY"
            return session.output.failure(ConfigurationError(message=told))
        return await work(session, trail)

    return conduct(standard_output(json=json), command, config=config)


async def verify(session: Session, trail: AuditTrail, place: Path | None) -> int:
    """Check the trail, with the anchors where there are any."""
    output = session.output
    read = _anchors(place, session.config.store.audit_anchors)
    if isinstance(read, Failure):
        return output.failure(read.failure())
    found = await settle(trail.verify(read.unwrap()))
    if isinstance(found, Failure):
        return output.failure(found.failure())
    report = found.unwrap()
    if output.json:
        output.document(_report_document(report))
        return OK if report.whole else FAILED
    for fault in report.faults:
        output.text(f"{'line' if fault.problem == 'unreadable' else 'row'} {fault.number} {_WORDS[fault.problem]}")
    if report.faulty > len(report.faults):
        output.text(f"and {counted(report.faulty - len(report.faults), 'fault')} more")
    whole = "as they were written" if report.whole else f"with {counted(report.faulty, 'fault')}"
    if _all_edited(report):
        output.note("note: no row fits store.audit_key: either somebody changed them all, or it is not the key they were written with")
    output.note(f"{counted(report.rows, 'row')}, {whole}; compared with {counted(report.anchors, 'anchor')}")
    if not report.anchors:
        output.note("note: without anchors a trail whose end was cut off looks whole; set store.audit_anchors, or give --anchors FILE")
    return OK if report.whole else FAILED


def _all_edited(report: AuditReport) -> bool:
    return report.rows > 0 and report.faulty >= report.rows and all(fault.problem in ("edited", "cut") for fault in report.faults)


async def show(session: Session, trail: AuditTrail, last: int) -> int:
    """Show the newest rows, the oldest of them first."""
    output = session.output
    end = await settle(trail.end())
    if isinstance(end, Failure):
        return output.failure(end.failure())
    after = end.unwrap().rows - last
    told: list[AuditRow] = []
    while len(told) < last:
        page = await settle(trail.rows(after, min(_PAGE, last - len(told))))
        if isinstance(page, Failure):
            return output.failure(page.failure())
        if not page.unwrap():
            break
        told += page.unwrap()
        after = told[-1].number
    if output.json:
        output.document({"rows": [_row_document(row) for row in told]})
        return OK
    if not told:
        output.note("the trail is empty")
        return OK
    output.table(("row", "when", "what", "facts"), [(str(row.number), moment_exactly(row.at), row.kind, _facts(row)) for row in told])
    return OK


async def anchor(session: Session, trail: AuditTrail) -> int:
    """Tell the end of the trail."""
    found = await settle(trail.anchor())
    if isinstance(found, Failure):
        return session.output.failure(found.failure())
    end: Anchor = found.unwrap()
    session.output.document({"rows": end.rows, "digest": end.digest, "at": end.at})
    return OK


def _anchors(place: Path | None, usual: str | None) -> Settled[tuple[Anchor | None, ...], LLMError]:
    """Those of the file that was named, which must be there, or of the one that the settings name."""
    from llm_manager.stores.audit.anchors import read_anchors

    if place is not None:
        return read_anchors(place)
    found = None if usual is None else Path(usual).expanduser()
    return Success(()) if found is None or not found.exists() else read_anchors(found)


def _report_document(report: AuditReport) -> dict[str, Any]:
    faults = [{"problem": fault.problem, "number": fault.number} for fault in report.faults]
    told = {"whole": report.whole, "rows": report.rows, "anchors": report.anchors, "digest": report.digest}
    return {**told, "faulty": report.faulty, "faults": faults}


def _row_document(row: AuditRow) -> dict[str, Any]:
    return {"number": row.number, "at": row.at, "kind": row.kind, "facts": _told(row), "digest": row.digest}


def _facts(row: AuditRow) -> str:
    told = _told(row)
    return ", ".join(f"{name} {value}" for name, value in told.items() if value is not None) if isinstance(told, dict) else str(told)


def _told(row: AuditRow) -> Any:
    """The facts, or their text where somebody changed it so that it tells none."""
    try:
        return msgspec.json.decode(row.facts)
    except msgspec.DecodeError:
        return row.facts
