"""A run while it trains: its epochs, its tracking, its devices."""
