"""The only place that orders the steps, opens transactions, reads the clock, makes ids and draws chance."""
