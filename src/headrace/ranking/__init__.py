"""Who is shown: the scorers that weigh and the selectors that choose."""
