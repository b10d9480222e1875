"""Entry points of the Makefile: set-up of a fresh machine and the demo."""
