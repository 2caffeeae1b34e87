"""What every model shares: interface, metrics, splits, early stopping."""
