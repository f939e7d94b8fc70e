"""Values and rules of program evolution. Pure: no input, no output, no clock, no hidden randomness."""
