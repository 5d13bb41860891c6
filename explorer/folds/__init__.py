"""What the left column folds away, one file each: `show(graph)` draws it when it is open."""
