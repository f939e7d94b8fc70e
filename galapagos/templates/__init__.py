"""Folders of problems to begin with; files of Python have the suffix .txt, so that nothing takes them for modules."""
