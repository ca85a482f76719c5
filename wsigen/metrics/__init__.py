"""How good generated slides are: image features, precision and recall, distances, seams, memorisation."""
