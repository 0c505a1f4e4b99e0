"""The surfaces of other DRMAA bindings, so that programs written for them run here unmodified."""
