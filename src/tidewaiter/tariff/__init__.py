"""Tariffs: duty sentences, nomenclature and measures, by the day."""
