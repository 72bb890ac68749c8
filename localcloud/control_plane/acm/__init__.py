"""Certificate Manager: imported certificates."""
