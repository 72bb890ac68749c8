"""Figures about the project, each measured beside what it is compared with, in the same run."""
