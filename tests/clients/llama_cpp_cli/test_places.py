"""Where the program and its models are."""

from pathlib import Path

from returns.result import Failure, Success

from llm_manager.clients.llama_cpp_cli.places import Machine, Place, placed, this_machine
from llm_manager.clients.who import Who
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ConfigurationError

WHO = Who(provider="llama_cpp_cli", model="small")
LINUX = Machine()
WSL = Machine(kernel="Linux version 5.15.167.4-microsoft-standard-WSL2")
WINDOWS = Machine(windows=True)


def test_usual_places() -> None:
    home = Path.home()
    there = placed(ProviderSettings(), LINUX, {}, WHO)
    assert there == Success(Place(program=(str(home / "llama.cpp/build/bin/llama-cli"),), folder=home / "llama.cpp/models"))


def test_the_program_for_programs_is_preferred_to_the_one_for_people_beside_it(tmp_path: Path) -> None:
    people, programs = tmp_path / "llama-cli", tmp_path / "llama-completion"
    people.touch(mode=0o700)
    said = ProviderSettings(llama_cpp_path=str(people), models_dir=str(tmp_path))
    assert placed(said, LINUX, {}, WHO).unwrap().program == (str(people),)
    programs.touch(mode=0o700)
    assert placed(said, LINUX, {}, WHO).unwrap().program == (str(programs),)
    by_name = ProviderSettings(llama_cpp_path="llama-cli", models_dir=str(tmp_path))
    assert placed(by_name, LINUX, {"PATH": str(tmp_path)}, WHO).unwrap().program == (str(programs),)
    assert placed(by_name, LINUX, {"PATH": "/nowhere"}, WHO).unwrap().program == ("llama-cli",)


def test_inside_wsl_paths_of_windows_are_understood() -> None:
    said = ProviderSettings(llama_cpp_path="/opt/llama-completion", models_dir="D:\\models\\organized")
    there = placed(said, WSL, {}, WHO).unwrap()
    assert (there.program, there.folder, there.how) == (("/opt/llama-completion",), Path("/mnt/d/models/organized"), "inside_wsl")


def test_from_windows_the_program_is_started_through_wsl() -> None:
    said = ProviderSettings(llama_cpp_path="/home/me/llama-completion", models_dir="/mnt/d/models")
    there = placed(said, WINDOWS, {}, WHO).unwrap()
    assert there == Place(program=("wsl.exe", "--exec", "/home/me/llama-completion"), folder=Path("D:\\models"), how="through_wsl")


def test_a_home_folder_inside_wsl_is_not_known_outside() -> None:
    outcome = placed(ProviderSettings(wsl=True), WINDOWS, {}, WHO)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    assert "write it in full" in error.message


def test_this_machine_is_looked_at() -> None:
    assert isinstance(this_machine().kernel, str)
