"""The service: problems, runs and what became of them over HTTP. It meets the other processes in the database only."""
