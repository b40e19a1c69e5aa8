"""Writes trades to a topic, keyed by symbol, with the placement of Kafka's Java client, as any producer would.

Arguments: the broker, the topic, which client, and a file with one trade a line. Prints [symbol, partition] of each, as the
client reported.
"""

import json
import signal
import sys

# Whatever happens, this ends.
signal.alarm(120)

broker, topic, client, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    lines = [line.rstrip("\n") for line in file]
trades = [json.loads(line) for line in lines]
placed = []


def with_kafka_python():
    from kafka import KafkaProducer

    # Its default partitioner, and JSON as Python spells it: spaces, and escapes for all that is not ASCII.
    producer = KafkaProducer(
        bootstrap_servers=broker,
        key_serializer=str.encode,
        value_serializer=lambda trade: json.dumps(trade).encode("ascii"),
    )
    sent = [(trade["s"], producer.send(topic, key=trade["s"], value=trade)) for trade in trades]
    producer.flush()
    placed.extend([symbol, future.get(timeout=60).partition] for symbol, future in sent)
    producer.close()


def with_confluent_kafka():
    from confluent_kafka import Producer

    def report(error, message):
        if error is not None:
            raise RuntimeError(error)
        placed.append([message.key().decode(), message.partition()])

    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random", "linger.ms": 5})
    for line, trade in zip(lines, trades):
        producer.produce(topic, key=trade["s"].encode(), value=line.encode(), on_delivery=report)
        producer.poll(0)
    producer.flush(60)


{"kafka-python": with_kafka_python, "confluent-kafka": with_confluent_kafka}[client]()
print(json.dumps(placed))
