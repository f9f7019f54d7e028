"""What can be bought as a node: prices, limits, quotas, and where it may stand."""
