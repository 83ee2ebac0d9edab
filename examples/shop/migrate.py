"""The migration: makes the tables that are not there yet, and ends."""

from shop import ask

ask("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT, state TEXT)")
ask("CREATE TABLE IF NOT EXISTS tips (item TEXT)")
print("the tables are there")
