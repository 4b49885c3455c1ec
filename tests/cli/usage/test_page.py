"""The page of `llm-manager usage report`: it needs nothing but itself, says what the log says, and runs nothing that a name holds."""

import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure

from llm_manager.cli.usage.page.axes import marks, periods, some, time_key
from llm_manager.cli.usage.page.gathering import Gathered, gathered
from llm_manager.cli.usage.page.page import page
from llm_manager.cli.usage.page.words import count, latency, safe, short, usd
from llm_manager.domain.errors import StorageFailed
from llm_manager.domain.usage import Usage
from llm_manager.domain.usage_log import DearCall, UsageGroup, UsageQuery, UsageReport, UsageTotals

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FIRST: Final = 1_800_000_000.0
DAY: Final = 86_400.0
HOSTILE: Final = (
    "</title><script>document.title='broken'</script>",
    '"><img src=x onerror="document.title=1">',
    "</svg><style>*{display:none}</style>",
    "' onmouseover='alert(1)",
    "&lt;b&gt;",
    "\u202egnp.exe\x1b[31m\0\ud800",
    "javascript:alert(1)",
    "x" * 5000,
    "日本語の名前",
)


def totals(requests: int, usd_spent: str = "0.5") -> UsageTotals:
    """Some usage."""
    return UsageTotals(
        requests=requests,
        successful=requests,
        usage=Usage(input_tokens=100 * requests, output_tokens=50 * requests, reasoning_tokens=7),
        cost_usd=Decimal(usd_spent),
        remembered=2,
        saved_usd=Decimal("0.25"),
        saved_tokens=30,
        doubtful=1,
        unpriced=1,
        average_latency_ms=900.0,
        median_latency_ms=800.0,
        p95_latency_ms=2000.0,
        p99_latency_ms=3000.0,
        errors={"TimeoutError": 2, "RateLimitExceeded": 1},
    )


def found(*names: str, days: int = 4) -> Gathered:
    """What is gathered of some models and features, on each other day."""
    labels = [label for place, label in enumerate(periods("day", FIRST, FIRST + (days - 1) * DAY)) if place % 2 == 0]
    whole = UsageReport(
        query=UsageQuery(since=FIRST, by=("day",)),
        total=totals(10),
        groups=tuple(UsageGroup(of=(label,), totals=totals(3)) for label in labels),
        dearest=tuple(
            DearCall(
                call_id=name,
                at=FIRST,
                models=(name,),
                operation="chat",
                feature=name,
                user=None,
                tenant=None,
                run=None,
                requests=1,
                tokens=9,
                cost_usd=Decimal("0.1"),
            )
            for name in names
        ),
        lost=3,
        first=FIRST,
        last=FIRST + (days - 1) * DAY,
    )
    by_name = tuple(UsageGroup(of=(name,), totals=totals(2)) for name in names)
    return Gathered(
        at=FIRST + days * DAY,
        key="day",
        over_time=whole,
        by_time_and_model=UsageReport(
            query=UsageQuery(),
            total=totals(10),
            groups=tuple(UsageGroup(of=(label, name), totals=totals(1)) for label in labels for name in names),
        ),
        by_model=UsageReport(query=UsageQuery(), total=totals(10), groups=by_name),
        by_feature=UsageReport(query=UsageQuery(), total=totals(10), groups=(*by_name, UsageGroup(of=(None,), totals=totals(1, "0")))),
    )


def nothing() -> Gathered:
    """An empty log."""
    empty = UsageReport(query=UsageQuery(), total=UsageTotals())
    return Gathered(at=FIRST, key="day", over_time=empty, by_time_and_model=empty, by_model=empty, by_feature=empty)


class Elements(HTMLParser):
    """Every element with its attributes, and every text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


PLAIN: Final = set(Elements(page(found("openai/gpt-4o"))).tags)


@pytest.mark.parametrize("made", [found("openai/gpt-4o", "groq/llama"), found(*HOSTILE), nothing()], ids=["usual", "hostile", "empty"])
def test_the_page_needs_nothing_but_itself(made: Gathered) -> None:
    """No script, no address, nothing to load; its policy allows its own style alone."""
    text = page(made)
    read = Elements(text)
    assert set(read.tags) <= PLAIN
    names = {name for name, _ in read.attributes}
    assert not names & {"src", "href", "xlink:href", "srcset", "style", "action", "data"}
    assert not {name for name in names if name.startswith("on")}
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None and "url(" not in style[1] and "@import" not in style[1]
    policy = next(value for name, value in read.attributes if name == "content" and value)
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@given(st.lists(st.text(max_size=60), min_size=1, max_size=9))
def test_any_name_stays_a_text(names: list[str]) -> None:
    """Whatever it holds: no element and no attribute comes of it."""
    assert set(Elements(page(found(*names))).tags) <= PLAIN


def test_every_plot_has_its_unit_its_legend_and_its_numbers() -> None:
    """In a table beside it, days without usage included."""
    text = page(found("openai/gpt-4o", "groq/llama"))
    for id_, unit in (("cost", "USD"), ("tokens", "tokens"), ("latency", "s"), ("requests", "requests"), ("savings", "USD")):
        section = re.search(f'<section id="{id_}">(.*?)</section>', text, re.DOTALL)
        assert section is not None
        assert 'role="img"' in section[1] and "<table>" in section[1] and 'class="legend"' in section[1]
        assert unit in unescape(section[1])
        assert section[1].count('<th scope="row">2027-01-1') == 4
    for id_ in ("errors", "by-model", "by-feature"):
        assert f'<section id="{id_}">' in text
    assert "3 entries could not be kept" in text
    assert "1 request that failed or were left" in text


def test_an_empty_log_says_so() -> None:
    """And a plot without values does."""
    assert "Nothing is in the usage log for this time." in page(nothing())
    assert "Nothing to show" in page(found(days=1))


async def test_all_is_asked_of_one_span() -> None:
    """As finely as it is long; a log that fails is told."""
    asked: list[UsageQuery] = []

    def report(query: UsageQuery = UsageQuery(), /) -> FutureResult[UsageReport, object]:  # noqa: B008 - as the protocol has it
        asked.append(query)
        return FutureResult.from_value(UsageReport(query=query, total=totals(1), first=FIRST, last=FIRST + 10 * DAY))

    made = (await gathered(report, UsageQuery(since=FIRST), FIRST)).unwrap()  # type: ignore[arg-type]  # it never fails
    assert made.key == "day"
    assert [query.by for query in asked] == [(), ("day",), ("day", "model"), ("model",), ("feature",)]
    assert {query.since for query in asked} == {FIRST}
    broken = StorageFailed(message="gone", reason="missing")
    assert await gathered(lambda *_: FutureResult.from_failure(broken), UsageQuery(), FIRST) == Failure(broken)


@given(st.floats(min_value=0, max_value=1e15))
def test_marks_reach_the_most_and_are_few(most: float) -> None:
    """From nothing, in equal steps."""
    found_marks = marks(most)
    assert found_marks[0] == 0 and found_marks[-1] >= most * (1 - 1e-6)
    assert 2 <= len(found_marks) <= 6
    assert list(found_marks) == sorted(set(found_marks))


@given(st.floats(min_value=0, max_value=4e9), st.floats(min_value=0, max_value=400 * DAY))
def test_periods_are_whole_and_few(first: float, span: float) -> None:
    """Each once, in order, from the first to the last."""
    key = time_key(first, first + span)
    names = periods(key, first, first + span)
    assert 1 <= len(names) <= 125
    assert list(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("key", "first", "last", "names"),
    [
        ("hour", FIRST, FIRST + 7200, ("2027-01-15 08:00", "2027-01-15 09:00", "2027-01-15 10:00")),
        ("day", FIRST + 23 * 3600, FIRST + 26 * 3600, ("2027-01-16",)),
        ("day", FIRST, FIRST + DAY, ("2027-01-15", "2027-01-16")),
        ("month", FIRST, FIRST + 20 * DAY, ("2027-01", "2027-02")),
        ("month", FIRST + 16 * DAY, FIRST + 45 * DAY, ("2027-01", "2027-02", "2027-03")),
    ],
)
def test_no_period_is_left_out(key: str, first: float, last: float, names: tuple[str, ...]) -> None:
    """Also over the end of a month."""
    assert periods(key, first, last) == names  # type: ignore[arg-type]  # they are keys


def test_labels_are_few() -> None:
    """And evenly spread."""
    assert some([], 3) == {}
    assert some(["a", "b", "c", "d", "e"], 3) == {0: "a", 2: "c", 4: "e"}


@given(st.text())
def test_a_safe_text_is_one_line_without_markup(text: str) -> None:
    """In any place of the page."""
    shown = safe(text)
    assert not re.search("[<>\"'\n\r\x00-\x08\x1b]", shown)
    assert len(short(text)) <= 48


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [(usd, 12.0, "12.00"), (usd, 0.05, "0.05"), (count, 1e13, "10T"), (count, 12.5, "12.5"), (latency, 65_000.0, "65 s")],
)
def test_numbers_are_short(write: Callable[[float], str], value: float, text: str) -> None:
    """With their units where they have one."""
    assert write(value) == text


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: chromium)")
@pytest.mark.parametrize("size", ["1280,900", "390,844"])
def test_a_browser_shows_it(tmp_path: Path, size: str) -> None:
    """With its style, and with nothing done that a name says."""
    place, picture = tmp_path / "report.html", tmp_path / "report.png"
    place.write_text(page(found("openai/gpt-4o", *HOSTILE)), encoding="utf-8")
    chromium = [
        str(CHROMIUM),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        f"--window-size={size}",
    ]
    shown = subprocess.run([*chromium, "--dump-dom", place.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    read = Elements(shown.stdout)
    assert set(read.tags) <= PLAIN | {"tbody"}
    assert "<title>Usage of language models</title>" in shown.stdout
    assert "Content Security Policy" not in shown.stderr and "Refused" not in shown.stderr
    subprocess.run([*chromium, f"--screenshot={picture}", place.as_uri()], capture_output=True, timeout=60, check=True)
    assert picture.stat().st_size > 20_000, "it is not blank"
