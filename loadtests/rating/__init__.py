"""Rates this machine as a load generator: what a viewer costs here, how many one worker carries, what runs out first.

One short climb through the same path as a real run (Locust, director, worker, loop, recorder, journal) against a
sink of our own on loopback; see docs/doctor.md.
"""
