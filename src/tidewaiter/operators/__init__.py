"""Credentials of economic operators; the registry and the AEO programme have their place here."""
