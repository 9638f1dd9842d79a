"""Modules that cannot be imported, or only at a price."""
