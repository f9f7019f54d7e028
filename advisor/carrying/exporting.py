"""Files to apply: manifests in which every line names the reason it is there.

    maxReplicas: 1354  # why: peak

The reasons stand at the top of each file, in English and in Chinese. A manifest that cannot be made whole is an
excuse that says what is missing in the scenario; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import yaml

from advisor.advice import Advice, RegionAdvice
from advisor.autoscale.scaling import PEAK, ScalingAdvice
from advisor.carrying.fleet import carried_out
from advisor.cdns.letter import write_letters
from advisor.exports import Because, Event, Export, Exported, exports
from advisor.models import Excuse
from advisor.plans.plan import Plan
from advisor.texts import LANGS, fill, say, told
from loadtests.scenario import Scenario

Object: TypeAlias = Mapping[str, Any]
OURS: Final = "# surgecast, from "
"""How every manifest that was written here begins."""
KUSTOMIZATION: Final = "kustomization.yaml"
_KUSTOMIZE: Final = ("apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources:")
WIDE: Final = 100_000
"""Columns: YAML must not fold a line, as its reason stands behind it."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written for one region, or for all (no region), and what could not be."""

    region: str
    files: tuple[Path, ...]
    excuses: tuple[Excuse, ...]
    removed: tuple[Path, ...] = ()
    """Of an earlier advice, which this one does not need: whoever applies the folder would apply them too."""


def export(advice: Advice, scenario: Scenario, folder: Path) -> tuple[Written, ...]:
    """Write the manifests of every region into a folder of its own; what was written for other regions is removed."""
    written = [_region(advice, scenario, region, folder / region.code) for region in advice.regions]
    here = {region.code for region in advice.regions}
    others = sorted(one for one in folder.iterdir() if one.name not in here) if folder.is_dir() else []
    tidied = [(one, _tidied(one, ())) for one in others if one.is_dir() and not one.is_symlink()]
    return (*written, *(Written(one.name, (), (), removed) for one, removed in tidied if removed))


def export_letters(advice: Advice, folder: Path) -> Written:
    """Write the letters to CDNs, beside the folders of the regions."""
    files, removed = write_letters(advice, folder)
    return Written("", files, (), removed)


def _region(advice: Advice, scenario: Scenario, region: RegionAdvice, folder: Path) -> Written:
    if isinstance(region.nodes, Excuse):
        return Written(region.code, (), (region.nodes,), _tidied(folder, ()))
    if region.scaling is None or region.fleet is None:
        idle = Excuse(about=region.code, reason=say("export_no_course"), remedy=say("remedy_export_no_course"))
        return Written(region.code, (), (idle,), _tidied(folder, ()))
    asked = exported(advice, scenario, region, region.nodes)
    files, excuses = [], []
    for kind in exports():
        answer = kind.objects(asked)
        if isinstance(answer, Excuse):
            excuses.append(answer)
        elif answer:
            folder.mkdir(parents=True, exist_ok=True)
            files.append(folder / kind.file_name)
            files[-1].write_text(document(answer, asked), encoding="utf-8")
    if files:
        files.append(folder / KUSTOMIZATION)
        files[-1].write_text(_kustomization(exports(), files), encoding="utf-8")
    return Written(region.code, tuple(files), tuple(excuses), _tidied(folder, files))


def _tidied(folder: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    """Take away what an earlier export left and this one did not write; files of anybody else stay."""
    found = [folder / kind.file_name for kind in exports()]
    old = [file for file in found if file not in files and _is_ours(file)]
    if old and not files and _lists_ours_alone(folder / KUSTOMIZATION):
        old.append(folder / KUSTOMIZATION)  # it names what is gone
    for file in old:
        file.unlink()
    return tuple(old)


def _is_ours(file: Path) -> bool:
    return file.is_file() and file.read_bytes().startswith(OURS.encode())


def _lists_ours_alone(file: Path) -> bool:
    """Whether every line of a kustomization is one that is written here: somebody may have added to it."""
    lines = {*_KUSTOMIZE, *(_listed(kind, is_skipped=skipped) for kind in exports() for skipped in (True, False))}
    return file.is_file() and set(file.read_bytes().splitlines()) <= {line.encode() for line in lines}


def exported(advice: Advice, scenario: Scenario, region: RegionAdvice, plan: Plan) -> Exported:
    """What the exports are made of; only for a region that has its scaling and its fleet."""
    assert region.scaling is not None
    assert region.fleet is not None
    scaling = carried_out(region.scaling, region.fleet)
    return Exported(
        region=region.code,
        run=" ".join(run.facts.run_id for run in advice.runs),
        plan=plan,
        fleet=region.fleet,
        scaling=scaling,
        settings=scenario.launch.scaling,
        event=_event(scenario, region, scaling),
    )


def _event(scenario: Scenario, region: RegionAdvice, scaling: ScalingAdvice) -> Event | None:
    """When it all happens by the region's clock; None when the scenario does not say when it starts."""
    if scenario.starts_at is None:
        return None
    zone, start = ZoneInfo(region.timezone), scenario.starts_at
    opens = start + timedelta(seconds=scaling.rises_at - (scaling.opens or 0.0))
    ends = start + timedelta(seconds=scenario.surge.duration + PEAK)
    return Event(opens=_whole_minute(opens.astimezone(zone)), ends=_whole_minute(ends.astimezone(zone)), zone=zone.key)


def _whole_minute(time: datetime) -> datetime:
    """Earlier rather than later: cron knows minutes."""
    return time.replace(second=0, microsecond=0)


def document(objects: Sequence[Object], asked: Exported) -> str:
    """The file: its reasons, then its objects."""
    used = sorted({why for one in objects for why in _reasons(one, "kind")})
    head = [f"{OURS.removeprefix('# ')}{asked.run}, region {asked.region}."]
    for why in used:
        head += [f"{why}: {fill(lang, f'export_why_{why}', **asked.values(lang))}" for lang in LANGS]
    head = [f"# {' '.join(line.split())}" for line in head]  # a run's name comes from a stranger: never a second line
    bodies = ["\n".join(_lines(one, 0, "kind")) for one in objects]
    return "\n".join(head) + "\n---\n" + "\n---\n".join(bodies) + "\n"


def _reasons(value: Any, why: str) -> Iterator[str]:
    match value:
        case Because():
            yield from _reasons(value.value, value.why)
        case Mapping():
            for one in value.values():
                yield from _reasons(one, why)
        case list() | tuple():
            for one in value:
                yield from _reasons(one, why)
        case _:
            yield why


def _lines(value: Any, depth: int, why: str, head: str = "") -> Iterator[str]:
    """Every scalar on a line of its own, with its reason behind it; ``head`` is the key with its colon."""
    pad = "  " * depth
    match value:
        case Because():
            yield from _lines(value.value, depth, value.why, head)
        case Mapping():
            yield from [f"{pad}{head}"] if head else []
            for name, one in value.items():
                yield from _lines(one, depth + bool(head), why, f"{name}:")
        case list() | tuple():
            yield f"{pad}{head}"
            for one in value:
                first, *others = _lines(one, depth + 1, why)
                yield f"{pad}- {first.removeprefix(pad + '  ')}"
                yield from others
        case _:
            yield f"{pad}{head}{' ' if head else ''}{_scalar(value)}  # why: {why}"


def _scalar(value: Any) -> str:
    """As YAML writes it, on one line."""
    text = yaml.safe_dump(value, width=WIDE, allow_unicode=True, default_flow_style=True)
    return str(text).removesuffix("...\n").strip()


def _kustomization(kinds: Sequence[Export], files: Sequence[Path]) -> str:
    """What is applied together; alternatives are left out, with a note."""
    there = {file.name for file in files}
    lines = [*_KUSTOMIZE]
    for kind in kinds:
        if kind.file_name in there:
            instead = kind.instead_of
            skipped = instead and any(one.file_name in there for one in kinds if one.plugin_name() == instead)
            lines.append(_listed(kind, is_skipped=bool(skipped)))
    return "\n".join(lines) + "\n"


def _listed(kind: Export, *, is_skipped: bool) -> str:
    return f"{f'# instead of {kind.instead_of}: ' if is_skipped else ''}- {kind.file_name}"


def tell(written: Written, lang: str, names: Mapping[str, Any]) -> list[str]:
    """What was written and what was not, a line each."""
    lines = [str(file) for file in written.files]
    lines += [fill(lang, "export_removed", file=str(file)) for file in written.removed]
    for excuse in written.excuses:
        of = dict.fromkeys(("!", f"{written.region}:", f"{excuse.about}:"))
        lines.append(f"{' '.join(of)} {told(excuse.reason, lang, names)} {told(excuse.remedy, lang, names)}")
    return lines
