"""A model in the forms that other tools take: factored arrays, optimisers, files."""
