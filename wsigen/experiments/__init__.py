"""The paper's experiments and ours: each a table made cell by cell, kept, and never computed twice."""
