"""Tidewaiter clears cross-border e-commerce parcels on data sent before they arrive."""

__version__ = "0.1.0"
