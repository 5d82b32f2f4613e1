"""Code lists and rule tables of single jurisdictions, as data with their sources."""
