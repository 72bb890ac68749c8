"""What the AWS API says. Nothing in here starts a container or a process."""
