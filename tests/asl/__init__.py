"""Checks of the rendered state machine, its role and its expressions."""
