"""An advice carried out: the nodes that are bought, and the files that buy them."""
