"""The page, put together."""

from collections.abc import Iterator

from llm_manager.cli.usage.page.figures import figures, table
from llm_manager.cli.usage.page.gathering import Gathered
from llm_manager.cli.usage.page.style import POLICY, STYLE
from llm_manager.cli.usage.page.words import count, latency, safe, short, usd
from llm_manager.cli.usage.table import moment
from llm_manager.domain.usage_log import DearCall, UsageReport, UsageTotals
from llm_manager.policies.plurals import counted


def page(found: Gathered) -> str:
    """The whole page as text, to be written as UTF-8."""
    report = found.over_time
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{safe(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>Usage of language models</title><style>{STYLE}</style></head><body>"
        f"<header><h1>Usage of language models</h1>{_span(report, found.at)}</header>"
        f"<main>{_cards(report.total)}{''.join(_notes(report))}{figures(found)}{_dearest(report.dearest)}</main></body></html>\n"
    )


def _span(report: UsageReport, at: float) -> str:
    since = "the beginning" if report.query.since is None else moment(report.query.since)
    until = moment(at if report.query.until is None else report.query.until)
    return f'<p class="dim">From {safe(since)} to {safe(until)}, made {safe(moment(at))}; all times are UTC.</p>'


def _cards(total: UsageTotals) -> str:
    share = f"{100 * total.successful / total.requests:.1f} % answered" if total.requests else "none"
    cards = (
        ("Requests", f"{total.requests:,}", share),
        ("Cost", f"{usd(total.cost_usd)} USD", f"and {counted(total.unpriced, 'answer')} of unknown cost" if total.unpriced else ""),
        ("Tokens", count(total.total_tokens), f"{count(total.usage.prompt_tokens)} read, {count(total.usage.completion_tokens)} written"),
        ("Latency", latency(total.median_latency_ms), f"95 % within {latency(total.p95_latency_ms)}"),
        ("Saved by the cache", f"{usd(total.saved_usd)} USD", counted(total.remembered, "answer")),
        ("Saved by kept prompts", f"{usd(total.prefix_saved_usd)} USD", f"{count(total.usage.cache_read_tokens)} tokens read again"),
    )
    told = "".join(f"<div><dt>{safe(name)}</dt><dd>{safe(value)}<small>{safe(more)}</small></dd></div>" for name, value, more in cards)
    return f'<dl class="cards">{told}</dl>'


def _notes(report: UsageReport) -> Iterator[str]:
    if report.total.doubtful:
        told = f"{counted(report.total.doubtful, 'request')} that failed or were left by their callers may have been billed as well."
        yield f'<p class="note">{safe(told)}</p>'
    if report.lost:
        yield f'<p class="note">{safe(counted(report.lost, "entry"))} could not be kept and are missing here.</p>'


def _dearest(calls: tuple[DearCall, ...]) -> str:
    if not calls:
        return ""
    rows = [
        (
            moment(call.at),
            ", ".join(map(short, call.models)),
            call.operation,
            short(call.feature),
            short(call.user),
            f"{call.requests:,}",
            f"{call.tokens:,}",
            usd(call.cost_usd),
        )
        for call in calls
    ]
    headings = ("when", "models", "operation", "feature", "user", "requests", "tokens", "USD")
    return f'<section id="dearest"><h2>The dearest calls</h2><div class="numbers" tabindex="0">{table(headings, rows)}</div></section>'
