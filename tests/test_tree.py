"""What the whole tree must keep: where chance and clocks come from, and what is never written."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from llm_manager.settings.bounded_yaml import BoundedLoader

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "llm_manager"

REAL_WORLD = {"real_world.py"}
"""The one file that may ask the real world."""

OF_THE_WORLD = {
    "time.time",
    "time.monotonic",
    "time.perf_counter",
    "time.process_time",
    "time.sleep",
    "asyncio.sleep",
    "uuid.uuid1",
    "uuid.uuid4",
    "os.environ",
    "os.getenv",
    "os.urandom",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
}

DANGEROUS = {"eval", "exec", "compile", "pickle.load", "pickle.loads", "marshal.loads", "os.system", "builtins.eval"}

TEXTS = {".py", ".md", ".toml", ".ini", ".json", ".jsonl", ".yaml", ".yml", ".csv", ".example", ".cfg", ""}


@cache
def sources() -> tuple[tuple[Path, str, ast.Module], ...]:
    """Every module of the package, read once."""
    files = sorted(PACKAGE.rglob("*.py"))
    return tuple((file, text := file.read_text(encoding="utf-8"), ast.parse(text)) for file in files)


def names_of_imports(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for, in full."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                known[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                known[one.asname or one.name] = f"{node.module}.{one.name}"
    return known


def uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every imported or built-in name that is used, in full, with its line."""
    known = names_of_imports(tree)
    for node in ast.walk(tree):
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and isinstance(node, ast.Name | ast.Attribute):
            yield node.lineno, ".".join((known.get(inner.id, inner.id), *reversed(parts)))


def offences(offends: Callable[[str], bool], *, exempt: set[str]) -> list[str]:
    """Where a name that offends is used, outside the exempt files and folders."""
    found = []
    for file, _, tree in sources():
        place = file.relative_to(PACKAGE)
        if place.name in exempt or place.parts[0] in exempt:
            continue
        found += [f"{place}:{line}: {name}" for line, name in uses(tree) if offends(name)]
    return found


def keywords(name: str) -> Iterator[tuple[str, ast.expr]]:
    """Where an argument of this name is given, and what."""
    for file, _, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == name:
                yield f"{file.relative_to(PACKAGE)}:{node.value.lineno}", node.value


def is_false(node: ast.expr) -> bool:
    """Say whether it is the word False."""
    return isinstance(node, ast.Constant) and node.value is False


def test_clock_and_environment_come_from_the_world() -> None:
    """Only `real_world` reads them; the testing package has the virtual ones."""
    assert offences(lambda name: name in OF_THE_WORLD, exempt=REAL_WORLD | {"testing"}) == []


def test_chance_comes_from_the_world() -> None:
    """No function of the module `random`: its class is for types, and made by the worlds only.

    The one thing nobody may foresee, the key of the engine in this process, is drawn by the engine itself.
    """
    drawn = offences(lambda name: name.startswith("random.") and name != "random.Random", exempt=REAL_WORLD)
    assert drawn == []
    kept_secret = offences(lambda name: name.startswith("secrets."), exempt=REAL_WORLD)
    assert [place for place in kept_secret if not place.startswith("clients/embedded/engine.py:")] == []
    made = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file, _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Random"
    ]
    assert {place.partition(":")[0] for place in made} <= {"real_world.py", "testing/world.py", "testing/virtual_loop.py"}


def test_tasks_are_never_waited_for_in_sets() -> None:
    """`asyncio.wait` gives sets, whose order changes from run to run."""
    assert offences(lambda name: name == "asyncio.wait", exempt={"testing"}) == []


def test_nothing_read_is_ever_run() -> None:
    """No pickle, no eval, no exec, no YAML that builds objects, no shell."""
    assert offences(lambda name: name in DANGEROUS, exempt=set()) == []
    assert [place for place, node in keywords("shell") if not is_false(node)] == []
    loaders = [
        ast.unparse(node.args[1]) if len(node.args) > 1 else "?"
        for _, _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("yaml.load", "yaml.load_all", "yaml.unsafe_load")
    ]
    assert set(loaders) <= {"BoundedLoader"}
    assert issubclass(BoundedLoader, yaml.SafeLoader)


def test_programs_are_started_in_two_places_only() -> None:
    """Each without a shell: pip, which fetches weights, and llama.cpp's program."""
    starting = ("subprocess.Popen", "subprocess.run", "subprocess.call", "subprocess.check_", "asyncio.create_subprocess", "os.spawn")
    started = {
        place.partition(":")[0] for place in offences(lambda name: name.startswith((*starting, "os.exec", "os.posix_spawn")), exempt=set())
    }
    assert started == {"clients/embedded/fetching.py", "clients/llama_cpp_cli/running.py"}


def test_certificates_are_always_checked() -> None:
    """Nothing is ever verified=False, CERT_NONE or unchecked."""
    assert [place for name in ("verify", "check_hostname") for place, node in keywords(name) if is_false(node)] == []
    unchecked = ("CERT_NONE", "check_hostname = False", "_create_unverified_context")
    assert [str(file) for file, text, _ in sources() if any(word in text for word in unchecked)] == []


def test_nothing_is_left_unfinished() -> None:
    """No placeholder is committed."""
    raised = re.compile(r"raise NotImplementedError|return NotImplementedError")
    assert [str(file) for file, text, _ in sources() if raised.search(text)] == []
    marks = re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b")
    assert [f"{file.relative_to(PACKAGE)}: {found[0]}" for file, text, _ in sources() if (found := marks.search(text))] == []


def committed() -> Iterator[tuple[Path, str]]:
    """Every text file of the project that git knows or would, but this one."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [str(file.relative_to(ROOT)) for folder in ("llm_manager", "tests", "notes") for file in (ROOT / folder).rglob("*.*")]
    for name in listed:
        file = ROOT / name
        if file.suffix in TEXTS and file.is_file() and file != Path(__file__) and "__pycache__" not in file.parts:
            yield file, file.read_text(encoding="utf-8", errors="replace")


def test_nobody_is_sent_to_somebody_elses_package() -> None:
    """The index has another package under our import name: no text may tell people to install it."""
    wrong = re.compile(r"llm-manager\[|(?:pip|uv|pipx|poetry)[a-z0-9 -]*\s(?:install|add)\s+[\"']?llm[-_]manager(?![-_\w])", re.IGNORECASE)
    assert [f"{file.relative_to(ROOT)}: {found[0]}" for file, text in committed() if (found := wrong.search(text))] == []


def test_every_exception_to_the_types_has_its_reason() -> None:
    """A ``type: ignore`` or a cast says beside it why; only the two doors cast without."""
    ignore = re.compile(r"#\s*type:\s*ignore(?!\[[\w, -]+\]\s+#\s*\S)")
    bare = [
        f"{file.relative_to(PACKAGE)}:{number}"
        for file, text, _ in sources()
        for number, line in enumerate(text.splitlines(), 1)
        if ignore.search(line)
    ]
    assert bare == []
    casts = []
    for file, text, tree in sources():
        if file.name in ("outcomes.py", "effects.py"):
            continue
        lines = text.splitlines()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast":
                near = lines[max(0, node.lineno - 2) : node.end_lineno]
                if not any("#" in line for line in near):
                    casts.append(f"{file.relative_to(PACKAGE)}:{node.lineno}")
    assert casts == []


@pytest.mark.parametrize("folder", sorted(one.name for one in PACKAGE.iterdir() if one.is_dir() and one.name != "__pycache__"))
def test_every_folder_says_what_belongs_there(folder: str) -> None:
    """In its ``__init__``."""
    tree = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)


def test_every_module_says_what_it_is() -> None:
    """And every public function, class and method states its promise."""
    silent = [str(file.relative_to(PACKAGE)) for file, _, tree in sources() if tree.body and not ast.get_docstring(tree)]
    assert silent == []
    mute = []
    for file, _, tree in sources():
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and "overload" not in map(ast.unparse, node.decorator_list):
                mute.append(f"{file.relative_to(PACKAGE)}:{node.lineno}: {node.name}")
    assert mute == []


def test_no_folder_is_a_drawer() -> None:
    """Names say what is inside."""
    drawers = {"utils", "util", "common", "helpers", "base", "core", "misc"}
    assert [str(file.relative_to(PACKAGE)) for file, _, _ in sources() if drawers & {*file.parts, file.stem}] == []


def test_imports_keep_to_the_layers() -> None:
    """import-linter's contracts hold."""
    linter = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
