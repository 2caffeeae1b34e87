"""Training, scoring and explaining a stored memory."""
