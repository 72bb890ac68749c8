"""CloudWatch Logs, where MiniStack's differ from AWS."""
