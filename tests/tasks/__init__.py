"""Tasks with real threads, a real database and a real Valkey."""
