"""
What the shop tells about itself: figures for Prometheus and traces for OpenTelemetry.

`figures` is the table of all figures that are counted as things happen; what can be read from a store when somebody
asks (`nexus.eventbus.metrics`) is not counted. `tracing` is silent unless settings name a collector.
"""
