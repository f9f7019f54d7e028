"""Drives simulated live viewers and writes runs; never imports the advisor."""
