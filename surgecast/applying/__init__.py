"""Carries out what `advise --export` wrote: a plan by the server's own dry run, then, when told to, the change.

    folder ─► Manifest ─┐
                        ├─► Step (before, after, or why not) ─► plan ─► rollback file, on disk ─► the change
    rollback file ──────┘

It speaks to the API server itself, as `advisor.cluster` does, and not through ``kubectl diff`` and ``kubectl apply``:
who owns a field, the object as it was and the reason of a refusal come as data there, and as prose from kubectl. The
requests are the same: a server-side apply by the field manager ``surgecast``, first with ``dryRun=All``.
"""
