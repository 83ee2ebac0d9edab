"""Finds out what is bought most. The shop is open without it."""

import time

import shop

shop.goes_when_asked()
while True:
    most = shop.ask("SELECT item FROM orders GROUP BY item ORDER BY count(*) DESC LIMIT 1")
    shop.ask("DELETE FROM tips")
    for (item,) in most:
        shop.ask("INSERT INTO tips VALUES (?)", item)
    time.sleep(1)
