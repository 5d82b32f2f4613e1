"""What ships: law as dated YAML, code lists, sample cases written here."""
