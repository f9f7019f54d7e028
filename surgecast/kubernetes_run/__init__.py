"""Runs a load whose parts are many: on Kubernetes through `kubectl`, or the same parts as processes on this machine."""
