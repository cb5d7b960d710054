"""What the page of a reward model's run shows of its evaluation, as values for the template."""

from collections.abc import Mapping
from typing import Any

from arena.categories import label
from rlhf.charts import calibration_dots
from rlhf.doubts import gain_over_length

SHOWN = {
    "test_accuracy", "test_accuracy_lower", "test_accuracy_upper", "test_pairs", "test_prompts",
    "length_only_accuracy", "over_length", "raters", "calibration", "categories",
    "ensemble", "train_thumbs",
}  # fmt: skip


def evaluation(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Empty for a run without held-out accuracy. Runs of before have fewer parts."""
    if metrics.get("test_accuracy") is None:
        return {}
    calibration = metrics.get("calibration") or {}
    categories = metrics.get("categories") or {}
    return {
        "rate": metrics["test_accuracy"],
        "lower": metrics.get("test_accuracy_lower"),
        "upper": metrics.get("test_accuracy_upper"),
        "pairs": metrics.get("test_pairs"),
        "prompts": metrics.get("test_prompts"),
        "by_length": metrics.get("length_only_accuracy"),
        "length": _over_length(metrics),
        "raters": metrics.get("raters"),
        "calibration": calibration if calibration.get("bins") else None,
        "dots": calibration_dots(calibration.get("bins", [])),
        "categories": [
            {**line, "label": label(line["category"])} for line in categories.get("lines", [])
        ],
        "least": categories.get("least"),
        "ensemble": metrics.get("ensemble"),
        "thumbs": metrics.get("train_thumbs"),
    }


def _over_length(metrics: Mapping[str, Any]) -> dict[str, float] | None:
    """The gain over the length rule with its 95 % interval, if it could be told."""
    if (interval := gain_over_length(metrics)) is None:
        return None
    told = metrics["over_length"]
    return {
        "low": told["length_lower"],
        "high": told["length_upper"],
        "gain": told["gain"],
        "lower": interval[0],
        "upper": interval[1],
    }
