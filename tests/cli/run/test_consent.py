"""Who would pay much is asked first; where nobody can be asked, nothing is sent until it was said beforehand."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from llm_manager.cli.run.consent import Consent, withheld
from llm_manager.cli.run.estimate import estimated
from llm_manager.cli.run.typed import Prepared, RunWords, prepare_run
from llm_manager.cli.session import Session
from llm_manager.domain.models import KnownPrice, Price, UnknownPrice
from llm_manager.effects import settle
from llm_manager.runs.surveying import Survey, survey
from llm_manager.testing import run_virtual, scripted, scripted_manager
from tests.cli.conftest import Screen, Setting
from tests.runs.logs import memory_log

DEAR = KnownPrice(input_usd=Decimal(100_000), output_usd=Decimal(100_000), version="1")
CHEAP = KnownPrice(input_usd=Decimal("0.0001"), output_usd=Decimal("0.0001"), version="1")
FREE = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(0), version="1")


def rows(folder: Path, *texts: str) -> Prepared:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return prepare_run(RunWords(source=str(path), prompt="{text}", max_tokens=50), stdin=io.BytesIO(), scratch=folder).unwrap()


def looked(prepared: Prepared) -> Survey:
    return survey(prepared.job, memory_log().standings).unwrap()


def begun(at: Any, folder: Path, price: Price, *, typed: str | None = None, **said: Any) -> int | None:
    """What becomes of three rows asked of a model at this price, where this is typed."""
    model = scripted("Fine.", provider="openai", model="gpt-x", locality="cloud", profile={"price": price})
    session = evolve(at.session, manager=scripted_manager(model))
    terminal = Screen(terminal=typed is not None)
    terminal.write(typed or "")
    terminal.seek(0)
    prepared = rows(folder, "a", "b", "a")
    code = withheld(session, prepared.job, looked(prepared), Consent(terminal=terminal, **said))
    assert not model.calls
    return code


@pytest.mark.parametrize(("typed", "code"), [("y\n", None), ("YES\n", None), ("\n", 1), ("n\n", 1), ("", 1), ("sure\n", 1)])
def test_on_a_terminal_somebody_is_asked(scene: Setting, tmp_path: Path, typed: str, code: int | None) -> None:
    at = scene(terminal=True)
    assert begun(at, tmp_path, DEAR, typed=typed) == code
    told = at.err.getvalue()
    assert "3 rows, 3 to ask, 2 of them different, 0 in the cache" in told
    assert "; go on? [y/N] " in told
    assert ("nothing was sent" in told) == (code == 1)


def test_elsewhere_it_is_refused_in_one_line_that_says_how(scene: Setting, tmp_path: Path) -> None:
    at = scene()
    assert begun(at, tmp_path, DEAR) == 2
    last = at.err.getvalue().splitlines()[-1]
    assert last.startswith("error: this will cost about 1")
    assert "--yes" in last
    assert "--budget" in last


@pytest.mark.parametrize("said", [{"given": True}, {"budget_usd": Decimal(5)}])
def test_what_was_said_beforehand_is_enough(scene: Setting, tmp_path: Path, said: dict[str, Any]) -> None:
    at = scene()
    assert begun(at, tmp_path, DEAR, **said) is None
    assert at.err.getvalue() == ""


@pytest.mark.parametrize("price", [CHEAP, FREE])
def test_little_is_not_asked_about(scene: Setting, tmp_path: Path, price: Price) -> None:
    at = scene()
    assert begun(at, tmp_path, price) is None
    assert at.err.getvalue() == ""


def test_a_price_that_nobody_knows_is_told_and_asked_nobody(scene: Setting, tmp_path: Path) -> None:
    at = scene()
    assert begun(at, tmp_path, UnknownPrice()) is None
    assert at.err.getvalue().startswith("note: what gpt-x costs is not known")


def test_where_nobody_may_be_asked_it_is_left_to_the_run_to_say(scene: Setting, tmp_path: Path) -> None:
    prepared = rows(tmp_path, "a")
    assert withheld(scene().session, prepared.job, looked(prepared), Consent(terminal=Screen(terminal=False))) is None


def test_equal_rows_are_counted_once_and_remembered_answers_cost_nothing(scene: Setting, tmp_path: Path) -> None:
    model = scripted("Fine.")
    prepared = rows(tmp_path, "a", "b", "a", "c")
    found = looked(prepared)

    async def ask() -> Any:
        async with scripted_manager(model) as manager:
            session: Session = evolve(scene().session, manager=manager)
            profile = manager.plan(prepared.job.request_of(prepared.job.words({"text": "a"}).unwrap())).unwrap().steps[0].profile
            before = await estimated(session, prepared.job, found, profile, None)
            request = prepared.job.request_of(prepared.job.words({"text": "b"}).unwrap())
            await settle(
                manager.generate(evolve(request, preferences=evolve(request.preferences, model=profile.name, provider=profile.provider)))
            )
            return before, await estimated(session, prepared.job, found, profile, None)

    before, after = run_virtual(ask())
    assert (before.rows, before.to_ask, before.unique, before.cached, before.taken.requests) == (4, 4, 3, 0, 3)
    assert (after.rows, after.to_ask, after.unique, after.cached, after.taken.requests) == (4, 4, 3, 1, 2)
