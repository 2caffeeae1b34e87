"""Why a rollout got its reward."""
