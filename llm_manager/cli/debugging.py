"""`--debug`: what the library logs, on standard error. It holds no key and no word of a prompt or an answer."""

import logging
from typing import Final, TextIO

from llm_manager.policies.printing import one_line

_LIBRARY: Final = __name__.partition(".")[0]


def log_to(stream: TextIO) -> None:
    """Write the library's log to a stream, each entry a line that no terminal obeys."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Lines("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    logger = logging.getLogger(_LIBRARY)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    logger.propagate = False


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))
