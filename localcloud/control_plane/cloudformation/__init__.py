"""Resource types of the stack engine that are ours, and what it refuses by name."""
