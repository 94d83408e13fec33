"""A model's tables and views in SQL, by DuckDB over Arrow: no Java, and nothing is copied but what a query reads."""
