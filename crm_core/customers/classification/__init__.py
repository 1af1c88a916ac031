"""How customers are classified: the kept history of every change, the derived states and the grades."""
