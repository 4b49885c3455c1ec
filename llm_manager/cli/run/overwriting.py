"""What a run would take out of the file it writes to: answers that were paid for, and that it does not give again."""

from io import BytesIO
from pathlib import Path

from returns.result import Failure

from llm_manager.cli.run.typed import Prepared
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.policies.plurals import counted
from llm_manager.runs.reading import Table, open_table
from llm_manager.runs.surveying import Survey


def held_by(prepared: Prepared, scratch: Path) -> Table | None:
    """The rows that the output file holds from an earlier run; None when it holds none that can be read."""
    path = prepared.target.path
    if path is None or not prepared.target.whole or not path.exists():
        return None
    held = open_table(str(path), stdin=BytesIO(), scratch=scratch, form=prepared.layout.form)
    return None if isinstance(held, Failure) else held.unwrap()


def overwriting(prepared: Prepared, found: Survey, held: Table | None, strangers: int) -> LLMError | None:
    """Why this run may not replace the file: most of what that holds is of other rows. A few that changed may go."""
    if held is None or not strangers or held.count <= 2 * found.known:
        return None
    return ConfigurationError(
        message=f"{prepared.target.path} holds {counted(held.count, 'answer')} of an earlier run, and this one asks other rows: "
        "choose another output with -o, or say --overwrite to replace them"
    )


def strangers_line(strangers: int) -> str:
    """What is left aside of what is kept, in words."""
    belong = "belongs" if strangers == 1 else "belong"
    return f"{counted(strangers, 'earlier answer')} {belong} to other settings or other rows, and will not be used"


def shrinking(prepared: Prepared, limit: int | None, held: Table | None) -> LLMError | None:
    """Why a run over the first rows only may not replace an output that holds more: those others would be gone from it."""
    rows = prepared.job.table.count
    if limit is None or held is None or held.count <= rows:
        return None
    return ConfigurationError(
        message=f"{prepared.target.path} holds {counted(held.count, 'row')}, and --limit {limit} would leave {rows} of them: "
        "leave --limit out, choose another output with -o, or say --overwrite"
    )
