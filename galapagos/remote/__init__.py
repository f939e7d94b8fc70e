"""Another machine's service, from Python and from the command line."""
