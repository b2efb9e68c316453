"""The log: what was acknowledged, in order, readable from any position."""
