"""Rules of movement, by what they look at; see `movement.registry`."""
