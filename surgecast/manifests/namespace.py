"""The namespace: pods in it may do what Kubernetes calls restricted, and talk to nobody until a policy says so."""

from __future__ import annotations

from surgecast.manifests.objects import ACCOUNT, Object, labels, made

POD_SECURITY_VERSION = "latest"


def namespace_objects(namespace: str) -> list[Object]:
    """Namespace, an account without a token, and two network policies for every pod."""
    modes = ("enforce", "audit", "warn")
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in modes}
    home: Object = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": labels("namespace") | levels},
    }
    deny = made("NetworkPolicy", "default-deny", namespace, "namespace")
    deny["spec"] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    names = made("NetworkPolicy", "allow-dns", namespace, "namespace")
    names["spec"] = {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}],
    }
    return [
        home,
        {**made("ServiceAccount", ACCOUNT, namespace, "namespace"), "automountServiceAccountToken": False},
        deny,
        names,
    ]
