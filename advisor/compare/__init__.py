"""What differs between runs: the first is the base, the others are held against it."""
