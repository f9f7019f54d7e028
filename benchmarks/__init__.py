"""Speed and memory as ratios against a peer, measured in one run on one machine; never as timed tests."""
