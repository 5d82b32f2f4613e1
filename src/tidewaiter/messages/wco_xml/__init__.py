"""The codec that WCO Data Model 3.6 declarations and their national customisations share.

A table (`data/messages/<form>/tables.toml`) says what the classes are called,
in which order their children stand and which field of the model each means;
`read`, `write` and `locate` work from it. What the model has no word for is
kept in `Declaration.extras` and written back where it stood.
"""
