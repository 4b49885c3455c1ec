"""Real servers for the tests, from the machine's own packages: PostgreSQL and Redis, each with a folder and an address of its own.

Where a server is not installed what needs it is skipped, and says so. Each worker of xdist has its own; they end with their worker.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import Final
from uuid import uuid4

import pytest
from attrs import frozen

POSTGRES_PACKAGE: Final = "PostgreSQL is not installed (Debian: postgresql)"
REDIS_PACKAGE: Final = "Redis is not installed (Debian: redis-server)"
KEEPER: Final = "keeper"
GUARDED: Final = "guarded"
"""A role that is let in by its password alone, ``PASSWORD``."""
PASSWORD: Final = "open-sesame-4711"
_PATIENCE: Final = 60.0


@frozen(kw_only=True)
class Postgres:
    """A server on a socket in ``folder``."""

    folder: Path
    programs: Path

    def url(self, database: str, *, user: str = KEEPER, password: str = "") -> str:
        """Where a database of it is."""
        return f"postgresql://{user}{':' + password if password else ''}@/{database}?host={self.folder}"

    def say(self, *statements: str, database: str = "postgres") -> str:
        """Do something as the owner of everything; give what was told."""
        asked = [part for statement in statements for part in ("-c", statement)]
        command = [str(self.programs / "psql"), "-X", "-q", "-t", "-A", "-h", str(self.folder), "-U", KEEPER, "-d", database, *asked]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    def new_database(self) -> str:
        """The URL of a database with nothing in it."""
        name = f"store_{uuid4().hex}"
        self.say(f"create database {name}")
        return self.url(name)


@frozen(kw_only=True)
class Redis:
    """A server on a port of loopback and on a socket."""

    port: int
    socket: Path
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def say(self, *words: str) -> bytes:
        """Send one command; give the beginning of what was answered."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_PATIENCE)
            line.connect(str(self.socket))
            line.sendall(b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)]))
            return line.recv(65536)


@contextmanager
def running_postgres(programs: Path) -> Iterator[Postgres]:
    """A server with nothing in it, until the end of the block."""
    with _folder() as folder:
        server = Postgres(folder=folder, programs=programs)
        data = folder / "data"
        making = ["-A", "trust", "-U", KEEPER, "--no-sync", "-E", "UTF8", "--locale=C"]
        with _process([str(programs / "initdb"), "-D", str(data), *making], folder) as made:
            assert made.wait(_PATIENCE) == 0, (folder / "log").read_text(errors="replace")
        (data / "pg_hba.conf").write_text(f"local all {GUARDED} scram-sha-256\nlocal all all trust\n")
        quick = ("fsync=off", "synchronous_commit=on", "full_page_writes=off", "shared_buffers=16MB", "max_connections=200")
        options = [word for option in (*quick, "listen_addresses=", f"unix_socket_directories={folder}") for word in ("-c", option)]
        with _process([str(programs / "postgres"), "-D", str(data), *options], folder, signal.SIGINT) as process:
            _until(lambda: _answers([str(programs / "pg_isready"), "-q", "-h", str(folder)]), process, folder)
            server.say(f"create role {GUARDED} login password '{PASSWORD}'")
            yield server


@contextmanager
def running_redis(program: str, *more: str) -> Iterator[Redis]:
    """A server with nothing in it, until the end of the block."""
    with _folder() as folder:
        port, path = _free_port(), folder / "redis.sock"
        where = ["--bind", "127.0.0.1", "--port", str(port), "--unixsocket", str(path), "--dir", str(folder)]
        with _process([program, *where, "--save", "", "--appendonly", "no", *more], folder) as process:
            server = Redis(port=port, socket=path, process=process)
            _until(lambda: _pings(server), process, folder)
            yield server


def find_postgres() -> Path | None:
    """The folder of the newest PostgreSQL's programs."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda found: int(found.parts[-3]), reverse=True)
    on_path = shutil.which("initdb")
    found = [*(each.parent for each in packaged), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in found if (folder / "postgres").exists() and (folder / "psql").exists()), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL of this worker's own."""
    programs = find_postgres()
    if programs is None:
        pytest.skip(POSTGRES_PACKAGE)
    with running_postgres(programs) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> str:
    """A new database of it."""
    return postgres_server.new_database()


@pytest.fixture(scope="session")
def redis_program() -> str:
    """The program, for a test that starts and ends servers itself."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip(REDIS_PACKAGE)
    return program


@pytest.fixture(scope="session")
def redis_server(redis_program: str) -> Iterator[Redis]:
    """A Redis of this worker's own."""
    with running_redis(redis_program) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """Where it is, with nothing in it."""
    assert redis_server.say("FLUSHALL").startswith(b"+OK")
    return redis_server.url


@contextmanager
def _folder() -> Iterator[Path]:
    """One with a short name, since a socket's has at most 107 bytes, that belongs to whoever the servers run as."""
    with tempfile.TemporaryDirectory(prefix="llmm-", dir="/tmp") as name:
        if os.geteuid() == 0:
            shutil.chown(name, *_nobody())
        yield Path(name)


def _nobody() -> tuple[int, int]:
    import pwd

    found = pwd.getpwnam("nobody")
    return found.pw_uid, found.pw_gid


@contextmanager
def _process(command: Sequence[str], folder: Path, end: signal.Signals = signal.SIGTERM) -> Iterator["subprocess.Popen[bytes]"]:
    """Run it as nobody when we are root, since PostgreSQL refuses to be root; where that can be had, it ends even when we are killed."""
    user, group = _nobody() if os.geteuid() == 0 else (None, None)
    setpriv = shutil.which("setpriv")
    if setpriv is not None:
        dropped = [] if user is None else [f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        command, user, group = [setpriv, *dropped, "--pdeathsig", "KILL", *command], None, None
    environ = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, user=user, group=group, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.send_signal(end)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", folder: Path) -> None:
    last = time.monotonic() + _PATIENCE
    while not ready():
        assert process.poll() is None and time.monotonic() < last, (folder / "log").read_text(errors="replace")
        time.sleep(0.02)


def _answers(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE).returncode == 0


def _pings(server: Redis) -> bool:
    try:
        return server.say("PING").startswith(b"+PONG")
    except OSError:
        return False


def _free_port() -> int:
    """One that the system gives to nobody by itself, so that it is still free for a server that is started anew."""
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as asked, suppress(OSError):
            asked.bind(("127.0.0.1", port))
            return port
