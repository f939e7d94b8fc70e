"""The command line, the Python client and the laptop mode of Galapagos."""
