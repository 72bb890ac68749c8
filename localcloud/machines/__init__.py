"""EC2 instances that really run: containers that execute their launch template's own user data."""
