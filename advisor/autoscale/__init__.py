"""Autoscalers as they really decide: pure simulations, no cluster, no clock.

Facts come from the controllers' documented algorithms and published unit tests (docs/autoscaling.md names them); all
times are seconds of the simulated world.
"""
