"""What the product reaches on one machine, beside limits that cannot be argued with: ``make bench``."""
