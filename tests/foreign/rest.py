"""Asks everything that Tickline asks of Finnhub's REST interface, by Finnhub's own client, and prints the answers."""

import json
import os
import signal
import sys

import finnhub

# Whatever happens, this ends.
signal.alarm(120)

client = finnhub.Client(api_key=os.environ["FINNHUB_TOKEN"])
client.API_URL = sys.argv[1]
questions = {
    "stock_symbols": lambda: client.stock_symbols("US"),
    "no_exchange": lambda: client.stock_symbols(""),
    "crypto_exchanges": client.crypto_exchanges,
    "crypto_symbols": lambda: client.crypto_symbols("BINANCE"),
    "forex_exchanges": client.forex_exchanges,
    "forex_symbols": lambda: client.forex_symbols("OANDA"),
    "market_status": lambda: client.market_status("US"),
    "quote": lambda: client.quote("AAPL"),
    "unknown_quote": lambda: client.quote("NO SUCH SYMBOL"),
}
answers = {}
for name in sys.argv[2:] or questions:
    try:
        answers[name] = questions[name]()
    except finnhub.FinnhubAPIException as error:
        answers[name] = {"status": error.status_code, "message": error.message}
print(json.dumps(answers))
