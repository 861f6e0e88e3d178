"""The nodes above the leaves, as arithmetic on arrays of series and steps; ``evaluate`` walks the tree and calls it."""
