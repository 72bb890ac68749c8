"""An AWS that runs on loopback, for rehearsing deployments. It is not AWS."""
