"""Virtual time: the same sessions against a modelled origin, with no sockets and no waiting (docs/simulate.md)."""
