"""How good the rewards are: protocol, tables, figures, label noise."""
