"""The shape of the benchmarks only (`benchmarks.protocols.install`)."""
