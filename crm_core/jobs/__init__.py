"""Work that takes longer than a request: progress and results row by row. A crash loses only the step under way."""
