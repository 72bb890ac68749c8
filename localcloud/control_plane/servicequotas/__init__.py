"""What an account may have of each thing."""
