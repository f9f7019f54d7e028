"""What the launch will ask of each region: of its nodes, of the CDN, of the origin behind it."""
