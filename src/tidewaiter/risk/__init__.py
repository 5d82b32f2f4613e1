"""Who should be looked at? Declaration × Knowledge → Judgement with reasons."""
