"""Who is the parent and who inspires: one file per strategy, behind the Protocol of `strategy`."""
