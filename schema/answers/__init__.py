"""How an answer is read: its thinking and answer, and its conclusion."""
