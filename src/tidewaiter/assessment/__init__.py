"""What is owed? Declaration × regime → assessment, with a trace of every figure."""

from tidewaiter.assessment.engine import assess

__all__ = ["assess"]
