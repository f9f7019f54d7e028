"""The only room that knows Locust: options, seats, the worker that drives viewers, the director that records.

Locust decides when a run starts and stops and counts users; the arrival plan decides who watches and when. A
Locust user is a *seat*: a parked greenlet that stands for one viewer present, so that Locust's user count, shapes,
web UI and ``--processes`` keep their meaning, while no greenlet is spent on a viewer's requests.
"""
