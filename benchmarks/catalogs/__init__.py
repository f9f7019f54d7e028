"""Writes the catalogues that ship from recorded answers of the providers; no part of what is installed."""
