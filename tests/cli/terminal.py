"""A program on a real terminal, for tests that say what a person sees and types."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.cli.program import surroundings

PATIENCE_SECONDS: Final = 30.0


class Terminal:
    """A program whose standard streams are one terminal."""

    def __init__(self, words: list[str], home: Path, environ: Mapping[str, str]) -> None:
        self._screen, theirs = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=home, env=surroundings(home, environ), start_new_session=True
        )
        os.close(theirs)

    def read_until(self, words: str | None) -> str:
        """What was shown until these words came; until the end, for None."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (words is None or words not in self.seen) and time.monotonic() < deadline:
            if not select.select([self._screen], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(self._screen, 65536)
            except OSError:
                break
            if not piece:
                break
            self.seen += piece.decode()
        assert words is None or words in self.seen, self.seen
        return self.seen.replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Type this."""
        os.write(self._screen, text.encode())

    def end(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._screen)
