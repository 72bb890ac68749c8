"""Releases of every kind, good and bad, each carried out under load and counted."""
