"""REST for machines, described by OpenAPI."""
