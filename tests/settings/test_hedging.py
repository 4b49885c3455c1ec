"""The section ``hedging``, and what of ``performance`` says how often and how long is tried."""

from pathlib import Path

import pytest

from llm_manager.domain.configuration import HedgingSettings
from llm_manager.settings import Places, check_config, read_config


def test_every_setting_of_hedging_and_of_trying_again_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        "[hedging]\nenabled = true\npercentile = 0.9\nleast_answers = 50\nleast_seconds = 0.5\n"
        "[performance]\noutput_retries = 0\npatience_seconds = 0\n"
    )
    config = read_config(path, {}, places=Places()).unwrap().config
    assert config.hedging == HedgingSettings(enabled=True, percentile=0.9, least_answers=50, least_seconds=0.5)
    assert (config.performance.output_retries, config.performance.patience_seconds) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        "hedging.percentile = 0.1",
        "hedging.percentile = 1.1",
        "hedging.least_answers = 0",
        "hedging.least_seconds = 0",
        "hedging.enabled = 'perhaps'",
        "performance.output_retries = 11",
        "performance.output_retries = -1",
        "performance.patience_seconds = -1",
        "performance.patience_seconds = 100000",
    ],
)
def test_what_makes_no_sense_is_a_fault_with_its_key(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"{wrong}\n")
    (fault,) = check_config(path, {}, places=Places())
    assert fault.key == wrong.partition(" ")[0]
    assert fault.problem
