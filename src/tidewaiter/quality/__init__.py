"""Is the data fit to decide on? Consignment → findings."""
