"""Runs in S3, or in a store that speaks its language: sent with checksums, fetched into a cache, both resumable.

This is the only room that imports boto3, and only when an ``s3://`` address is given.
"""
