"""Which labels are doubtful, and which to buy next."""
