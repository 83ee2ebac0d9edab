"""A worker: takes orders that are in one state to the next."""

import sys
import time

import shop

before, after = sys.argv[1:]
shop.goes_when_asked()
print(f"waiting for what is {before}", flush=True)
while True:
    for number, item in shop.ask("SELECT id, item FROM orders WHERE state = ?", before):
        shop.ask("UPDATE orders SET state = ? WHERE id = ?", after, number)
        print(f"{after}: order {number}, {item}", flush=True)
    time.sleep(0.2)
