"""Pages anyone may read: start, the law, the interface for machines, problems, health."""
