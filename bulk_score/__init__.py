"""The scoring of tables: one function for record batches, and the run of `changeover score` over files."""
