"""Writes down what an environment's API says while something happens to it, about once a second."""
