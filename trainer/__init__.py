"""What an RL trainer needs: tasks, policies, verifiers, label budget, reward function, GRPO."""
