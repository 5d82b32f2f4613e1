"""What are the goods? Its place is kept; word lists and nomenclature live in `data` until it needs more."""
