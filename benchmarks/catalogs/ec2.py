"""Writes the shapes of ``advisor/catalogs/ec2.yaml``, from EC2's own answers as moto bundles them.

``python -m benchmarks.catalogs.ec2 [--prices FILE]``. DescribeInstanceTypes says what a shape is and what its link
carries, DescribeInstanceTypeOfferings how many zones of each region have it. Prices are not in there: those in the file
stay, and ``--prices`` brings others, as lines of ``"c7g.large": 0.0725`` in any text (Karpenter's generated prices are
such a text). A shape of unknown price is written without one. What stands above ``offers:`` is kept as it is.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

FILE: Final = Path("advisor/catalogs/ec2.yaml")
FAMILIES: Final = (
    *("c5n", "c6g", "c6gn", "c6i", "c6in", "c6a", "c7a", "c7g", "c7gn", "c7i", "c8g", "c8gn", "c8i"),
    *("m5n", "m6g", "m6i", "m6in", "m7a", "m7g", "m7i", "m8g", "m8i"),
    *("r5n", "r6g", "r6i", "r6in", "r7g", "r7i", "r8g", "r8i"),
)
"""Compute, general and memory families without disks and accelerators, of the generations that are sold as current."""
SIZES: Final = tuple(f"{size}large" for size in ("", "x", "2x", "4x", "8x", "9x", "12x", "16x", "18x", "24x"))
GBIT: Final = 1e9
MIB: Final = 1024

Zones: TypeAlias = dict[str, int]


def _bundled(name: str) -> Any:
    return json.loads(gzip.decompress((resources.files("moto.ec2") / "resources" / name).read_bytes()))


def shapes() -> dict[str, Mapping[str, Any]]:
    """The shapes to list, by name, in the order of families and sizes."""
    known = _bundled("instance_types.json.gz")
    names = (f"{family}.{size}" for family in FAMILIES for size in SIZES)
    return {name: known[name] for name in names if name in known}


def offered() -> dict[str, Zones]:
    """Zones that have it, by shape and region; 0 where a region has none."""
    folder = resources.files("moto.ec2") / "resources" / "instance_type_offerings" / "availability-zone"
    regions = sorted(entry.name.removesuffix(".json.gz") for entry in folder.iterdir())
    found: dict[str, Zones] = {name: dict.fromkeys(regions, 0) for name in shapes()}
    for region in regions:
        rows = _bundled(f"instance_type_offerings/availability-zone/{region}.json.gz")
        for name, count in Counter(row["InstanceType"] for row in rows).items():
            if name in found:
                found[name][region] = count
    return found


def usual(zones: Mapping[str, Zones]) -> Zones:
    """The zones that most shapes have where they are offered, by region."""
    regions = sorted(next(iter(zones.values())))
    most = {region: Counter(each[region] for each in zones.values() if each[region]) for region in regions}
    return {region: max(counts, key=lambda count: (counts[count], count)) for region, counts in most.items()}


def facts_of(shape: Mapping[str, Any]) -> dict[str, object]:
    """What a line says of a shape: links are those of all its network cards."""
    cards = shape["NetworkInfo"]["NetworkCards"]
    baseline = sum(card["BaselineBandwidthInGbps"] for card in cards)
    burst = sum(card["PeakBandwidthInGbps"] for card in cards)
    (arch,) = set(shape["ProcessorInfo"]["SupportedArchitectures"]) - {"i386"}
    told = {
        "vcpus": shape["VCpuInfo"]["DefaultVCpus"],
        "memory_gib": _plain(shape["MemoryInfo"]["SizeInMiB"] / MIB),
        "arch": arch,
        "in_region": f"{_plain(baseline)}Gbps",
    }
    network = shape["NetworkInfo"]
    card = network["NetworkCards"][network.get("DefaultNetworkCardIndex", 0)]
    told |= {"burst": f"{_plain(burst)}Gbps"} if burst > baseline else {}
    return told | {"interfaces": card["MaximumNetworkInterfaces"], "addresses": network["Ipv4AddressesPerInterface"]}


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 4)


def lines(prices: Mapping[str, object]) -> Iterator[str]:
    """A line for each shape; zones that several shapes share stand once and are named."""
    zones = offered()
    common = usual(zones)
    named: dict[str, str] = {}
    for name, shape in shapes().items():
        told = facts_of(shape) | ({"usd_per_hour": prices[name]} if name in prices else {})
        parts = [f"{key}: {_flow(value)}" for key, value in told.items()]
        other = _flow({region: count for region, count in zones[name].items() if count != common[region]})
        if other in named:
            parts.append(f"zones: *{named[other]}")
        elif other != "{}":
            named[other] = f"z{len(named) + 1}"
            parts.append(f"zones: &{named[other]} {other}")
        yield f"  {name}: {{{', '.join(parts)}}}"


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=100_000, sort_keys=False)
    return text.removesuffix("...\n").strip()


def written(text: str, prices: Mapping[str, object]) -> str:
    """The file with its shapes and zones written anew."""
    head = re.sub(r"(?m)^zones: .*$", f"zones: {_flow(usual(offered()))}", text[: text.index("\noffers:")])
    return f"{head}\noffers:\n" + "\n".join(lines(prices)) + "\n"


def prices_in(text: str) -> dict[str, object]:
    """Prices of the shapes that are listed, out of any text that says them as JSON would."""
    found = re.findall(r'"([a-z0-9-]+\.[a-z0-9]+)": (\d+\.\d+)', text)
    return {name: round(float(price), 6) for name, price in found}


def main() -> None:
    """Write the file; prices in it stay unless others are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prices", type=Path, help='a text with lines such as "c7g.large": 0.0725')
    given = parser.parse_args()
    text = FILE.read_text(encoding="utf-8")
    kept = {
        name: told["usd_per_hour"] for name, told in yaml.safe_load(text)["offers"].items() if "usd_per_hour" in told
    }
    prices = prices_in(given.prices.read_text(encoding="utf-8")) if given.prices else kept
    FILE.write_text(written(text, prices), encoding="utf-8")


if __name__ == "__main__":
    main()
