"""Built-in problems: each folder is in the same format as a user's own (docs/problem-format.md)."""
