"""Drift detection: every type in our templates, property by property."""
