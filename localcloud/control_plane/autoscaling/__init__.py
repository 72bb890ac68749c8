"""Auto Scaling groups: a state machine with an injected clock, and the API in front of it."""
