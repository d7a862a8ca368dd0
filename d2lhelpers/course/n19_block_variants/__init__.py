"""The exercises of notebook 19: block variants."""
