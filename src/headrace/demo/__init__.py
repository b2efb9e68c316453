"""A demonstration: simulated viewers with hidden tastes, who know the product by its public HTTP API alone."""
