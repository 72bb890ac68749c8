"""What is measured becomes metrics: minute by minute of AWS time, with the names and dimensions that AWS gives them."""
