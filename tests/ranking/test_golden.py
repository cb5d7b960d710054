"""Real votes against published scores: LLMFAO (CC BY 4.0), scored by evalica."""

import csv
import json
import math
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

DATA = Path(__file__).parents[3] / "shared" / "data" / "llmfao"
WINNER = {"left": "model_a", "right": "model_b", "tie": "tie"}

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}"),
]


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "llmfao.csv"
    with path.open("w", newline="") as out, (DATA / "crowd-comparisons.csv").open() as source:
        table = csv.writer(out)
        table.writerow(["model_a", "model_b", "winner", "judge"])
        for row in csv.DictReader(source):
            table.writerow([row["left"], row["right"], WINNER[row["winner"]], row["worker"]])
    return path


def golden(algorithm: str) -> dict[str, float]:
    with (DATA / "golden.csv").open() as file:
        return {
            row["item"]: float(row["score"])
            for row in csv.DictReader(file)
            if row["algorithm"] == algorithm
        }


def ratings(method: str) -> dict[str, float]:
    out = StringIO()
    call_command("leaderboard", "--method", method, "--format", "json", stdout=out)
    return {line["name"]: line["rating"] for line in json.loads(out.getvalue())["standings"]}


def test_imported_votes_give_the_published_scores(votes: Path) -> None:
    call_command("import_votes", str(votes), "--format", "csv", stdout=StringIO())
    elo, expected = ratings("elo"), golden("elo")
    assert elo.keys() == expected.keys()
    assert max(abs(elo[name] - score) for name, score in expected.items()) < 1e-9
    points = {name: 400 * math.log10(score) for name, score in golden("bradley_terry").items()}
    fitted = ratings("bradley-terry")
    shifts = [fitted[name] - score for name, score in points.items()]
    assert max(shifts) - min(shifts) < 1e-3
