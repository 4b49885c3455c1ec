"""Whiles as people write them."""

from llm_manager.policies.moments import seconds_of


def test_whiles_are_minutes_hours_days_and_weeks() -> None:
    assert [seconds_of(text) for text in ("12h", "30D", " 8w ", "5", "1y", "")] == [43_200.0, 2_592_000.0, 4_838_400.0, None, None, None]
    assert seconds_of("45m") == 2_700.0
