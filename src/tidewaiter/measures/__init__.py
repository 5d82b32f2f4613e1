"""Measures: folds over events and decisions."""
