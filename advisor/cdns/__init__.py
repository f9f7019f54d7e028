"""What the CDNs of a launch are: what they cost and may carry, how the event is split over them, whom to tell when.

What may be bought is one file of facts each, in ``advisor/cdns/offers`` (docs/cdn.md shows how to write one).
"""
