"""Offers the surfaces of other DRMAA bindings, for programs written for them."""
