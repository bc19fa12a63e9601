"""The gate, the manifests, the data package, publishing, verifying, reporting."""
