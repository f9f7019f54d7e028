"""Reads runs and recommends capacity; never imports Locust or gevent."""
