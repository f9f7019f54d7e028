"""What providers charge for bits that leave their nodes for the internet: what viewers cost where no CDN serves them.

What is known of a provider is one file of facts, in ``advisor/egress/lists`` (docs/planning.md shows how to write one).
"""
