"""Governed multi-agent work that you embed in your own application."""
