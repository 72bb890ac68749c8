"""CloudWatch: metrics, alarms that are evaluated, dashboards."""
