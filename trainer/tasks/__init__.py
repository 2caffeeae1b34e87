"""Task sets: queries with what a verifier needs."""
