"""Elastic Load Balancing: records, operations and resource types; the balancer makes them true."""
