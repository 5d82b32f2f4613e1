"""What are the goods? Commodity codes and words in descriptions."""
