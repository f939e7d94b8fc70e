"""The audit of a problem: answers and programs that its judge should see through, before a run pays for it."""
