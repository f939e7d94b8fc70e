"""Tests of the program database, against a real Postgres."""
