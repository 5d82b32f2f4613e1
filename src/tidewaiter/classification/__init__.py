"""What goods a text speaks of, and how plainly."""
