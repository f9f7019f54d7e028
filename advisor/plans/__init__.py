"""How many nodes, of which offer: demand over capacity, with headroom, regret and refusals."""
