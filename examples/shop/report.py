"""The nightly job: how many orders are in which state."""

from shop import ask

with open("report.txt", "w", encoding="utf-8") as report:
    for state, many in ask("SELECT state, count(*) FROM orders GROUP BY state"):
        report.write(f"{state}: {many}\n")
