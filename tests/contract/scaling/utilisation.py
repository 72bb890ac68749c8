"""What the server and the tests say to each other."""

FILE = "cpu"
"""In the state directory: the utilisation of every minute from now on, in percent; empty: none is measured."""

GROUP = "fleet"

ACCOUNT, REGION = "000000000000", "us-east-1"
"""As in tests.cloud, which the server cannot import."""
