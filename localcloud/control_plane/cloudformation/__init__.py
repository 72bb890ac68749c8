"""The stack engine: resource types that are ours, what is refused by name, and what is validated."""
