"""`llm-manager config`: what is set, from where, and what is wrong with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from returns.result import Failure

from llm_manager.cli.exits import OK, USAGE
from llm_manager.cli.keeping import store_faults, store_warnings
from llm_manager.cli.output import Output
from llm_manager.domain.errors import Fault
from llm_manager.outcomes import sealed
from llm_manager.services.world import World
from llm_manager.settings import describe_config, inspect_config, read_config


def show(output: Output, world: World, *, path: Path | None = None) -> int:
    """Show every setting with its value and where it came from; keys are masked."""
    read = sealed(read_config(path, world.environ))
    if isinstance(read, Failure):
        return output.failure(read.failure())
    loaded = read.unwrap()
    rows = describe_config(loaded)
    warnings = _told(output, loaded.warnings)
    if output.json:
        settings = [{"key": row.key, "value": row.value, "origin": row.origin} for row in rows]
        output.document({"files": list(loaded.files), "settings": settings, "warnings": warnings})
    else:
        output.table(("setting", "value", "from"), ((row.key, row.value, row.origin) for row in rows))
    return OK


def check(output: Output, world: World, *, path: Path | None = None) -> int:
    """List everything that is wrong with the settings, or worth a word, each on a line of its own."""
    checked = inspect_config(path, world.environ)
    warnings = _told(output, (*checked.warnings, *store_warnings(checked.config, world.environ)))
    faults = (*checked.faults, *store_faults(checked, world.environ))
    for fault in faults:
        output.note(f"error: {fault}")
    if output.json:
        output.document({"ok": not faults, "faults": [_document(fault) for fault in faults], "warnings": warnings})
    elif not faults:
        output.text("the settings have no faults")
    return USAGE if faults else OK


def _told(output: Output, warnings: Sequence[str]) -> list[str]:
    """Tell every warning."""
    for warning in warnings:
        output.note(f"warning: {warning}")
    return list(warnings)


def _document(fault: Fault) -> dict[str, Any]:
    return {"source": fault.source, "key": fault.key, "problem": fault.problem, "fix": fault.fix}
