"""Where the server of these tests writes what alarms have called."""

ACTIONS = "actions.jsonl"
FAILING = "failing"
"""An action whose ARN ends so cannot be done."""
