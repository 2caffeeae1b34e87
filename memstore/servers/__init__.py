"""The two database servers that memreward runs itself: install, start, stop, look."""
