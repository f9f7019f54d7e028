"""What one node carries, how it is found, and how it grows."""
