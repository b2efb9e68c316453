"""The plain way, for information: a framework, SQL for every request, a statement for every row an event touches.

It stands beside the product so that a factor can be told. Its features are computed by the product's own formulas, and its
answers are those of the recipe ``rules-v1``: a test says so.
"""
