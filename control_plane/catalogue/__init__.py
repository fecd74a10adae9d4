"""The catalogue as rows: what `model_catalog` says, kept in step at every start, listed by the API.

It reads the YAML entries and writes `catalog_models`; it knows no weights and no served models.
"""
