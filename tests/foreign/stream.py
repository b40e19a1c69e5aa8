"""Subscribes as the readme of Finnhub's client shows, and prints what comes: the handshake's status, or the messages.

Arguments: the address, how many trades of each symbol are waited for, which message has to come as well (or "none"), and
the symbols.
"""

import collections
import json
import os
import signal
import sys

import websocket

# Whatever happens, this ends.
signal.alarm(120)

url, wanted, kind, symbols = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
messages = []
refused = []
trades = collections.Counter()
kinds = {"none"}


def on_open(ws):
    for symbol in symbols:
        ws.send(json.dumps({"type": "subscribe", "symbol": symbol}))


def on_message(ws, text):
    message = json.loads(text)
    messages.append(message)
    kinds.add(message["type"])
    trades.update(trade["s"] for trade in message.get("data", []))
    if kind in kinds and len(trades) > 0 and min(trades[symbol] for symbol in symbols[:3]) >= wanted:
        ws.close()


def on_error(ws, error):
    refused.append({"status": getattr(error, "status_code", None), "error": repr(error)})


app = websocket.WebSocketApp(
    f"{url}?token={os.environ['FINNHUB_TOKEN']}", on_message=on_message, on_error=on_error, on_open=on_open
)
app.run_forever()
print(json.dumps({"messages": messages, "refused": refused}))
