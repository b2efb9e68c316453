"""The picture in memory that requests are answered from: built from the tables, kept fresh by the changelog."""
