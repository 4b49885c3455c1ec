"""`llm-manager cache`: what is remembered, what that has saved, and forgetting some of it."""

from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from returns.result import Failure

from llm_manager.cli.exits import OK
from llm_manager.cli.parsing import Config, Json
from llm_manager.cli.session import Session, conduct, standard_output
from llm_manager.domain.caching import CachedModel, CacheStatistics
from llm_manager.domain.errors import InvalidRequest
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.policies.budget_words import plain
from llm_manager.policies.moments import seconds_of
from llm_manager.policies.plurals import counted

_HEADINGS: Final = ("what", "model", "rows", "size", "hits", "saved")
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024.0


_EPILOGUE: Final = """\
Examples:

  llm-manager cache show
  llm-manager cache forget --model gpt-4o --older-than 7d
  llm-manager cache forget --all"""


def add(app: App) -> None:
    """Add the commands."""
    cache = App(name="cache", help="Look at what is remembered, or forget some of it.", help_epilogue=_EPILOGUE)
    cache.command(_show, name="show", help_epilogue="")
    cache.command(_forget, name="forget", help_epilogue="")
    app.command(cache)


def _show(*, json: Json = False, config: Config = None) -> int:
    """Show what is remembered of each model, and what it has saved."""
    return conduct(standard_output(json=json), show, config=config)


def _forget(
    *,
    model: Annotated[str | None, Parameter(name=("--model", "-m"), help="What this model said; provider/model to be exact.")] = None,
    tag: Annotated[str | None, Parameter(help="What was asked for with this tag.")] = None,
    tenant: Annotated[str | None, Parameter(help="What was asked for on behalf of this tenant.")] = None,
    older_than: Annotated[str | None, Parameter(help="What is older than this: 45m, 12h, 7d, 2w.")] = None,
    all: Annotated[bool, Parameter(negative=(), help="Everything.")] = False,  # noqa: A002 - it is the option's name
    json: Json = False,
    config: Config = None,
) -> int:
    """Forget answers and vectors: those for which all that is said holds."""
    output = standard_output(json=json)
    seconds = None if older_than is None else seconds_of(older_than)
    if older_than is not None and seconds is None:
        return output.failure(InvalidRequest(message="--older-than: give a time such as 45m, 12h, 7d or 2w"))
    if all == any(said is not None for said in (model, tag, tenant, older_than)):
        return output.failure(InvalidRequest(message="say what to forget: --model, --tag, --tenant, --older-than, or --all alone"))

    async def command(session: Session) -> int:
        asked = session.manager.forget(model=model, tag=tag, tenant=tenant, older_than_seconds=seconds, everything=all)
        gone = sealed(await settle(asked))
        if isinstance(gone, Failure):
            return session.output.failure(gone.failure())
        if session.output.json:
            session.output.document({"forgotten": gone.unwrap()})
        else:
            session.output.note(f"{counted(gone.unwrap(), 'value')} forgotten")
        return OK

    return conduct(output, command, config=config)


async def show(session: Session) -> int:
    """Show the statistics of answers and vectors."""
    output = session.output
    told = sealed(await settle(session.manager.cache_statistics()))
    if isinstance(told, Failure):
        return output.failure(told.failure())
    report = told.unwrap()
    kinds = {"answers": report.answers, "vectors": report.vectors}
    if output.json:
        output.document({kind: _document(each) for kind, each in kinds.items()})
        return OK
    rows = [(kind, *_cells(each)) for kind, of_kind in kinds.items() for each in of_kind.models]
    if rows:
        output.table(_HEADINGS, rows)
    else:
        output.note("nothing is remembered")
    for kind, each in kinds.items():
        if each.hits or each.misses:
            output.note(_summary(kind, each))
    if session.config.store.url is None:
        output.note("note: without a store (store.url) this is what this process remembers, until it ends")
    return OK


def _cells(each: CachedModel) -> tuple[str, ...]:
    name = f"{each.provider}/{each.model}"
    return name, str(each.rows), size(each.bytes), str(each.hits), f"${plain(each.saved_usd)}"


def _summary(kind: str, each: CacheStatistics) -> str:
    asked = each.hits + each.misses
    unpriced = f", and {counted(each.unpriced, 'hit')} whose price is not known" if each.unpriced else ""
    share, saved = f"{each.hits / asked:.0%}", f"${plain(each.saved_usd)} saved"
    return f"{kind}: {each.hits} of {counted(asked, 'question')} answered from memory ({share}), {saved}{unpriced}"


def size(count: float) -> str:
    """A number of bytes as people read it.

    >>> size(0), size(1536), size(3 * 1024 ** 3)
    ('0 B', '1.5 KiB', '3 GiB')
    """
    for unit in _UNITS:
        if count < _STEP or unit == _UNITS[-1]:
            break
        count /= _STEP
    return f"{count:.1f}".removesuffix(".0") + f" {unit}"


def _document(each: CacheStatistics) -> dict[str, Any]:
    return {
        "rows": each.rows,
        "bytes": each.bytes,
        "hits": each.hits,
        "misses": each.misses,
        "saved_usd": plain(each.saved_usd),
        "unpriced_hits": each.unpriced,
        "models": [
            {
                "provider": one.provider,
                "model": one.model,
                "rows": one.rows,
                "bytes": one.bytes,
                "hits": one.hits,
                "saved_usd": plain(one.saved_usd),
            }
            for one in each.models
        ],
    }
