"""What the service takes and answers, a module for each kind of thing."""
