"""The section ``breaker`` of a settings file."""

from pathlib import Path

import pytest

from llm_manager.domain.configuration import BreakerSettings
from llm_manager.settings import Places, check_config, read_config


def test_every_setting_of_the_breaker_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        "[breaker]\nenabled = true\nfailures = 3\nopen_seconds = 20.5\nfailure_rate = 0.25\nwindow_seconds = 30\nleast_calls = 8\n"
        "probes = 2\nlast_resort_seconds = 5\ncheck_in_background = true\n"
    )
    assert read_config(path, {}, places=Places()).unwrap().config.breaker == BreakerSettings(
        failures=3,
        open_seconds=20.5,
        failure_rate=0.25,
        window_seconds=30,
        least_calls=8,
        probes=2,
        last_resort_seconds=5,
        check_in_background=True,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "failures = 0",
        "failures = 2.5",
        "open_seconds = 0",
        "open_seconds = 1e9",
        "failure_rate = 0",
        "failure_rate = 1.5",
        "window_seconds = nan",
        "least_calls = 0",
        "probes = 0",
        "last_resort_seconds = -1",
        "check_in_background = 1",
        "enabled = 'perhaps'",
        "failuers = 3",
    ],
)
def test_what_makes_no_sense_is_a_fault_with_its_key(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"[breaker]\n{wrong}\n")
    (fault,) = check_config(path, {}, places=Places())
    assert fault.key == f"breaker.{wrong.partition(' ')[0]}"
    assert fault.problem
