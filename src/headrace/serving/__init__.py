"""Answers: recipes name a pipeline, the recommender runs it for a request and records what was shown."""
