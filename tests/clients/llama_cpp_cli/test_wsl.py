"""Paths of Windows and of the Linux inside it, and who is where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.clients.llama_cpp_cli.wsl import Manner, is_wsl, manner, seen_by_program, seen_here, to_linux, to_windows

WSL = "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@f9c826d3017f) (gcc 11.2.0)"
DEBIAN = "Linux version 6.1.0-13-amd64 (debian-kernel@lists.debian.org)"


@pytest.mark.parametrize(
    ("kernel", "environ", "found"),
    [
        (WSL, {}, True),
        ("Linux version 4.4.0-19041-Microsoft", {}, True),
        (DEBIAN, {}, False),
        ("", {}, False),
        (DEBIAN, {"WSL_DISTRO_NAME": "Ubuntu"}, True),
        ("", {"WSL_INTEROP": "/run/WSL/8_interop"}, True),
    ],
)
def test_wsl_is_recognised_by_its_kernel_or_its_environment(kernel: str, environ: dict[str, str], found: bool) -> None:
    assert is_wsl(kernel, environ) is found


@pytest.mark.parametrize(
    ("windows", "kernel", "asked", "program", "how"),
    [
        (False, DEBIAN, None, "~/llama-cli", "plain"),
        (False, WSL, None, "~/llama-cli", "inside_wsl"),
        (False, WSL, False, "~/llama-cli", "plain"),
        (False, DEBIAN, True, "~/llama-cli", "inside_wsl"),
        (True, "", None, "C:\\llama\\llama-cli.exe", "plain"),
        (True, "", None, "/home/me/llama-cli", "through_wsl"),
        (True, "", True, "llama-cli", "through_wsl"),
        (True, "", False, "/home/me/llama-cli", "plain"),
    ],
)
def test_settings_or_the_machine_say_how_the_program_is_started(
    windows: bool, kernel: str, asked: bool | None, program: str, how: Manner
) -> None:
    assert manner(windows=windows, kernel=kernel, environ={}, asked=asked, program=program) == how


@pytest.mark.parametrize(
    ("windows", "linux"),
    [
        ("C:\\x", "/mnt/c/x"),
        ("D:\\models\\a b.gguf", "/mnt/d/models/a b.gguf"),
        ("d:/models/organized", "/mnt/d/models/organized"),
        ("C:\\", "/mnt/c"),
        ("C:", "/mnt/c"),
        ("\\\\wsl$\\Ubuntu\\home\\me", "/home/me"),
        ("\\\\wsl.localhost\\Ubuntu", "/"),
        ("/mnt/d/models", "/mnt/d/models"),
        ("models\\x", "models\\x"),
        ("C:x", "C:x"),
        ("~/llama.cpp", "~/llama.cpp"),
        ("", ""),
    ],
)
def test_paths_of_windows_are_found_under_mnt(windows: str, linux: str) -> None:
    assert to_linux(windows) == linux


@pytest.mark.parametrize(
    ("linux", "windows"),
    [
        ("/mnt/d/models/x", "D:\\models\\x"),
        ("/mnt/c", "C:\\"),
        ("/home/me", "/home/me"),
        ("/mnt/data/x", "/mnt/data/x"),
        ("C:\\x", "C:\\x"),
    ],
)
def test_paths_under_mnt_are_drives_of_windows(linux: str, windows: str) -> None:
    assert to_windows(linux) == windows


@given(
    st.sampled_from("abcdez"), st.lists(st.text(st.characters(exclude_characters="/\\\0"), min_size=1, max_size=5), min_size=1, max_size=4)
)
def test_there_and_back_is_the_same_path(drive: str, parts: list[str]) -> None:
    path = f"/mnt/{drive}/" + "/".join(parts)
    assert to_linux(to_windows(path)) == path


@given(st.text(max_size=40))
def test_any_text_has_a_path(text: str) -> None:
    assert isinstance(to_linux(text), str)
    assert isinstance(to_windows(text), str)


@pytest.mark.parametrize(
    ("how", "path", "here", "there"),
    [
        ("plain", "D:\\m", "D:\\m", "D:\\m"),
        ("inside_wsl", "D:\\m", "/mnt/d/m", "/mnt/d/m"),
        ("through_wsl", "/mnt/d/m", "D:\\m", "/mnt/d/m"),
        ("through_wsl", "D:\\m", "D:\\m", "/mnt/d/m"),
    ],
)
def test_each_side_calls_a_path_its_own_way(how: Manner, path: str, here: str, there: str) -> None:
    assert (seen_here(path, how), seen_by_program(path, how)) == (here, there)
