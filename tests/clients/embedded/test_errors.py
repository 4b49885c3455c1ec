"""What is missing is named, with what to do about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.clients.embedded.errors import has_build, not_importable, openmp_hint
from llm_manager.distribution import install_hint


def test_a_missing_wheel_is_answered_with_our_own_extra() -> None:
    said = not_importable(ModuleNotFoundError("No module named 'xllamacpp'", name="xllamacpp")).message
    assert "xllamacpp" in said
    assert install_hint("embedded") in said


def test_a_missing_openmp_library_is_answered_with_the_systems_package() -> None:
    error = ImportError("libgomp.so.1: cannot open shared object file: No such file or directory")
    assert "OpenMP" in not_importable(error).message


@pytest.mark.parametrize(("system", "package"), [("linux", "libgomp1"), ("darwin", "libomp"), ("win32", "OpenMP")])
def test_each_system_has_its_package(system: str, package: str) -> None:
    assert package in openmp_hint(system)


def test_any_other_reason_is_quoted() -> None:
    assert "undefined symbol: x" in not_importable(ImportError("undefined symbol: x")).message


@pytest.mark.parametrize(
    ("system", "machine", "libc", "built"),
    [
        ("linux", "x86_64", "glibc", True),
        ("linux", "x86_64", "", False),
        ("linux", "riscv64", "glibc", False),
        ("darwin", "arm64", "", True),
        ("win32", "AMD64", "", True),
        ("win32", "ARM64", "", False),
    ],
)
def test_the_machines_it_is_built_for_are_known(system: str, machine: str, libc: str, built: bool) -> None:
    assert has_build(system, machine, libc) is built


@given(st.text())
def test_faults_stay_short(words: str) -> None:
    assert len(not_importable(ImportError(words)).message) < 700
