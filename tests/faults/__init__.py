"""Faults on purpose, and the oracle that says whether a promise held: ``make faults`` tries them at their full size."""
