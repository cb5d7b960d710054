"""Real votes for the estimators, from outside the repository; skipped where they are absent."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ranking.estimators import Comparisons

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
OUTCOMES = {"left": 1.0, "tie": 0.5, "right": 0.0}


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs the data set in {folder}")
    return folder


@pytest.fixture(scope="session")
def data_folder() -> Callable[[str], Path]:
    """The folder of a data set by its name, or a skip."""
    return _folder


@pytest.fixture(scope="session")
def llmfao_rows() -> list[dict[str, str]]:
    with (_folder("llmfao") / "crowd-comparisons.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def llmfao_votes(llmfao_rows: list[dict[str, str]]) -> Comparisons:
    return Comparisons.from_arrays(
        [row["left"] for row in llmfao_rows],
        [row["right"] for row in llmfao_rows],
        [OUTCOMES[row["winner"]] for row in llmfao_rows],
    )


@pytest.fixture(scope="session")
def llmfao_raters(llmfao_rows: list[dict[str, str]]) -> list[str]:
    return [row["worker"] for row in llmfao_rows]


@pytest.fixture(scope="session")
def llmfao_golden() -> dict[str, dict[str, float]]:
    golden: dict[str, dict[str, float]] = {}
    with (_folder("llmfao") / "golden.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            golden.setdefault(row["algorithm"], {})[row["item"]] = float(row["score"])
    return golden


@pytest.fixture(scope="session")
def choix_case() -> Any:
    folder = _folder("choix")
    return lambda name: json.loads((folder / f"testcase-{name}.json").read_text(encoding="utf-8"))
