"""The decision: category, lane, holds, and what must happen first."""
