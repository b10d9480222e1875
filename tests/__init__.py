"""Tests, and the local AWS they run on."""
