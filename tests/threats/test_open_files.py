"""Threat 21: whatever the umask, nobody else may read what a command keeps."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = (
    ("usage",),
    ("runs", "list"),
    ("conversations", "list"),
    ("cache", "show"),
)

_UNDER_NO_UMASK = "import os, sys\nos.umask(0)\nfrom llm_manager.cli import main\nsys.argv[0] = 'llm-manager'\nsys.exit(main())\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_a_command_keeps_is_for_its_owner_alone(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The folder, the database and what lies beside it."""
    state = tmp_path / "state"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(state), "NO_COLOR": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", _UNDER_NO_UMASK, *command],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode in (0, 1), ran.stderr
    assert "Traceback" not in ran.stderr
    modes = {each.relative_to(tmp_path).as_posix(): stat.S_IMODE(each.stat().st_mode) for each in state.rglob("*")}
    assert "state/llm-manager/store.db" in modes
    assert {mode for place, mode in modes.items() if (tmp_path / place).is_file()} == {0o600}
    assert {mode for place, mode in modes.items() if (tmp_path / place).is_dir()} == {0o700}
