"""ECR: a registry that can be pushed to and pulled from."""
