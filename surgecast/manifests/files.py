"""Objects as files: one for each role, and a kustomization that lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import yaml

from surgecast.manifests.objects import REGION, ROLE, Object

KUSTOMIZATION: Final = "kustomization.yaml"


class _Manifest(yaml.SafeDumper):
    """YAML as people write manifests: texts of many lines as blocks, no aliases, lists set in."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Manifest.add_representer(str, _text)


def as_yaml(value: object) -> str:
    """One document."""
    return yaml.dump(value, Dumper=_Manifest, sort_keys=False, allow_unicode=True, width=110)


def file_of(one: Object) -> str:
    """The name of the file that an object is kept in."""
    found = one["metadata"]["labels"]
    role, region = found[ROLE], found.get(REGION)
    if one["kind"] == "Secret":
        return "secret.yaml"
    return f"{role}-{region}.yaml" if region and role in ("worker", "probe") else f"{role}.yaml"


def files_of(objects: Iterable[Object], *, note: str = "") -> dict[str, str]:
    """Texts by file name; ``note`` stands at the head of the kustomization."""
    documents: dict[str, list[str]] = {}
    for one in objects:
        documents.setdefault(file_of(one), []).append(as_yaml(one))
    head = "".join(f"# {line}\n" for line in note.splitlines())
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(documents),
    }
    texts = {name: "---\n".join(parts) for name, parts in documents.items()}
    return {KUSTOMIZATION: head + as_yaml(kustomization), **texts}
