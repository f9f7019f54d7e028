"""Short scenarios on disk, as a user writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

LENGTHS: Final = ("warm_up", "quiet", "ramp", "hold", "fall")

REGIONS: Final = {
    "id": {
        "share": "60%",
        "cohorts": {
            "mobile": {"share": "100%", "access": "mobile", "renditions": {"lowest": "70%", "middle": "30%"}},
        },
    },
    "in": {
        "share": "40%",
        "cohorts": {"fixed": {"share": "100%", "access": "fixed", "renditions": {"highest": "100%"}}},
    },
}


def surge(baseline: int, peak: int, seconds: tuple[float, float, float, float, float]) -> dict[str, object]:
    """A flash crowd; ``seconds`` are its warm-up, quiet, ramp, hold and fall."""
    lengths = {name: f"{length:g}s" for name, length in zip(LENGTHS, seconds, strict=True)}
    return {"shape": "flash_crowd", "baseline": baseline, "peak": peak, **lengths}


QUICK: Final = surge(20, 40, (1, 1, 1, 2, 1))


def plan(url: str, **changes: object) -> dict[str, object]:
    """A whole scenario against ``url``; ``target`` is added to, other changes replace."""
    target = {"url": url, "owner": "tests/real on this machine"}
    extra = changes.pop("target", {})
    assert isinstance(extra, Mapping)
    return {
        "name": "real",
        "summary": "A small surge against real servers on this machine.",
        "target": {**target, **extra},
        "stream": {"protocol": "hls"},
        "player": {"player": "hls_js"},
        "surge": QUICK,
        "regions": REGIONS,
        "seed": 7,
        **changes,
    }


def write(folder: Path, data: Mapping[str, object]) -> Path:
    """The scenario as a file in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(dict(data), sort_keys=False), encoding="utf-8")
    return path
