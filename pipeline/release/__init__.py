"""The gate, the manifests, the data package, publishing, verifying, reporting.

staged parts ─ gate.inspect_slice (child) ─ gate.prove ─▶ Proof
plan, counts ─ manifest, datapackage ─▶ documents ─ publish ─▶ Published ─ run_record, report
"""
