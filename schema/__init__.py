"""The nouns of memreward: ids, node and edge types, records, reward values, errors."""
