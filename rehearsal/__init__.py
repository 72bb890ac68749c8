"""Carries a release out on the local cloud, under load, and tells what its users would have seen."""
