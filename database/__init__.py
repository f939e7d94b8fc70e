"""The program database: the only place where processes meet."""
