"""What every measurement stands on: pinned cores, nginx, clients that all do the same work, tables.

`machine` is cores and their use, `servers` is nginx, `work` is what a client is told to do, `ours`, `users`, `wrk` and
`k6` run one client each and return a `Measured` for each step of the work, `report` prints and writes.
"""
