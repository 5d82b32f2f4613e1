"""The rules themselves, one module to a subject; national ones begin with the dataset and country they are for."""
