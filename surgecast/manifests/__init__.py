"""Kubernetes objects as plain values: a scenario and settings in, manifests out. No I/O, no cluster, no clock.

`load` renders a distributed load run, `stage` the embedded origin as a Deployment, `probes` a viewer per region on a
schedule, `monitoring` what a Prometheus operator and Grafana need, `files` the YAML of any of them.
"""
