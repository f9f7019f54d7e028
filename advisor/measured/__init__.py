"""What runs show: lines folded into seconds, cut, and judged."""
