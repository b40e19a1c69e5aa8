"""Reads a topic from its beginning to the end that it has now, by kafka-python; prints its records.

Arguments: the broker, the topic. The keys are texts or null, the values JSON.
"""

import json
import signal
import sys

from kafka import KafkaConsumer, TopicPartition

# Whatever happens, this ends.
signal.alarm(120)

broker, topic = sys.argv[1:]
consumer = KafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False, auto_offset_reset="earliest")
partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
consumer.assign(partitions)
consumer.seek_to_beginning(*partitions)
ends = consumer.end_offsets(partitions)
records = []
while any(consumer.position(partition) < end for partition, end in ends.items()):
    for batch in consumer.poll(timeout_ms=200).values():
        for record in batch:
            key = None if record.key is None else record.key.decode()
            value = json.loads(record.value)
            records.append({"partition": record.partition, "offset": record.offset, "key": key, "value": value})
print(json.dumps(records))
