"""Proof by experiment: from a small rehearsal the advisor says N nodes; N and N - 1 are really run under the full load.

`drawn` decides a cluster by its seed, `nodes` runs it (`namespaces`, `certificate`, `memory` and `rolling` for nginx),
`spent` looks at what nodes spend, `load` drives one run, `experiment` goes from the rehearsal to the two runs, `judged`
says what came of it, `shown` prints it.
"""
