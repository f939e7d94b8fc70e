"""Side-by-side measurements: ratios against a named baseline in one run."""
