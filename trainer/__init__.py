"""What an RL trainer needs from the memory: the label budget."""
