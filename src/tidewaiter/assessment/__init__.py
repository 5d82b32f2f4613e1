"""What is owed? Declaration × Regime → Assessment with a trace."""
