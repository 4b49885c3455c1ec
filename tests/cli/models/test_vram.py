"""The memory of a GPU, where a file of the system tells it."""

from pathlib import Path

from llm_manager.cli.models.vram import found_vram


def card(cards: Path, name: str, told: str) -> None:
    (cards / name / "device").mkdir(parents=True)
    (cards / name / "device" / "mem_info_vram_total").write_text(told)


def test_the_largest_counts_and_what_is_unreadable_does_not(tmp_path: Path) -> None:
    assert found_vram(tmp_path / "none") is None
    card(tmp_path, "card0", "what?")
    assert found_vram(tmp_path) is None
    card(tmp_path, "card1", f"{8 * 1024**3}\n")
    card(tmp_path, "card2", f"{2 * 1024**3}\n")
    assert found_vram(tmp_path) == 8.0
