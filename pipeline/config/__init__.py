"""Configuration: job, catalog, policies and statistics as frozen models; the only place that reads YAML."""
