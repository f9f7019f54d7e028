"""Reading a Kubernetes cluster: a snapshot of frozen values, and what it says beside an advice. Never changes anything.

    connect(context) ─► Server ─► read ─► Cluster (frozen; an excuse for whatever could not be read) ─► today

Only `advisor.cluster.server` imports the ``kubernetes`` client, and only when a cluster is named.
"""
