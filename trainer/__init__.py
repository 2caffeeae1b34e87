"""What an RL trainer needs: task sets, policies, verifiers, collection, and the label budget."""
