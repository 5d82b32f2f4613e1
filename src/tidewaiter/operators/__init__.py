"""Registry of economic operators, AEO programme, credentials. Its place is kept for the shared record."""
