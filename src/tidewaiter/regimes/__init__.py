"""The law of one jurisdiction on one day, loaded from dated, cited data."""
