"""What we remember: one file a feature, its write half beside its read half; they return writes, one place applies them."""
