//! A client that has lost a partition, on librdkafka's mock of a cluster.

use rdkafka::consumer::BaseConsumer;
use rdkafka::mocking::MockCluster;

use super::*;
use crate::log::kafka::batch_reader::Description;

/// Reports by partition: acknowledged and lost.
type Counts = [[u64; 2]; 2];

type Cluster = MockCluster<'static, rdkafka::producer::DefaultProducerContext>;

/// A broker with a topic of two partitions.
fn cluster() -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 2, 1).unwrap();
    cluster
}

fn writer_of(cluster: &Cluster) -> KafkaWriter {
    let address = KafkaAddress::parse(&format!("//{}/t", cluster.bootstrap_servers())).unwrap();
    // The mock does not describe topics.
    let opened = Description { id: String::new(), partitions: 2 };
    let config = client_config(&address).unwrap();
    let client: BaseConsumer<Events> = config.create_with_context(Events::new(&address)).unwrap();
    KafkaWriter::of(Topic { address, opened, client }).unwrap()
}

/// Appends the numbers to both partitions.
fn append(writer: &mut KafkaWriter, numbers: std::ops::Range<u64>) {
    for number in numbers {
        for partition in 0..2 {
            writer.append(partition, Some(b"key"), number.to_string().as_bytes()).unwrap();
        }
    }
}

/// The client logs that a partition has no leader.
fn lose(writer: &KafkaWriter, partition: u32) {
    let line = format!("Partition t(AAAAAAAAAAAAAAAAAAAAAA)[{partition}]: new leader-1 not found in cache");
    writer.delivery_reports.lost_partitions.log("METADATAUPDATE", &line);
}

fn take(writer: &mut KafkaWriter, counts: &mut Counts) {
    writer.delivery_reports(&mut |report| match report {
        DeliveryReport::Acknowledged { partition, .. } => counts[partition as usize][0] += 1,
        DeliveryReport::Lost { partition, .. } => counts[partition as usize][1] += 1,
    });
}

/// The numbers in a partition, in order.
fn written(writer: &KafkaWriter, partition: i32, count: usize) -> Vec<u64> {
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset("t", partition, rdkafka::Offset::Beginning).unwrap();
    let mut config = client_config(&writer.topic.address).unwrap();
    let consumer: BaseConsumer = config.set("group.id", "test").create().unwrap();
    consumer.assign(&list).unwrap();
    let next = |_| {
        let message = consumer.poll(Duration::from_secs(30)).expect("a message in time").unwrap();
        std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap()
    };
    (0..count).map(next).collect()
}

#[test]
fn a_new_client_sends_what_the_lost_one_did_not() {
    let cluster = cluster();
    let (mut writer, mut counts) = (writer_of(&cluster), Counts::default());
    append(&mut writer, 0..10);
    writer.sync().unwrap();
    cluster.broker_down(1).unwrap();
    lose(&writer, 0);
    // Nothing can be sent any more, once the connection is closed.
    std::thread::sleep(Duration::from_millis(500));
    append(&mut writer, 10..20);
    // They may have been sent, as far as the writer knows: to one partition, which is lost only now.
    lose(&writer, 1);
    append(&mut writer, 20..60);
    writer.replace(&[0]).unwrap();
    cluster.broker_up(1).unwrap();
    append(&mut writer, 60..70);
    writer.sync().unwrap();
    take(&mut writer, &mut counts);
    assert_eq!(counts, [[70, 0], [60, 10]], "acknowledged, lost");
    assert_eq!(written(&writer, 0, 70), (0..70).collect::<Vec<_>>());
    assert_eq!(written(&writer, 1, 60), (0..10).chain(20..70).collect::<Vec<_>>());
}

#[test]
fn what_may_have_been_written_is_lost_and_not_sent_twice() {
    let cluster = cluster();
    let (mut writer, mut counts) = (writer_of(&cluster), Counts::default());
    append(&mut writer, 0..10);
    writer.sync().unwrap();
    cluster.broker_round_trip_time(1, Duration::from_secs(5)).unwrap();
    (0..2).for_each(|partition| lose(&writer, partition));
    append(&mut writer, 10..20);
    // They are on their way by then.
    std::thread::sleep(Duration::from_millis(500));
    writer.replace(&[0, 1]).unwrap();
    cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    append(&mut writer, 20..30);
    writer.sync().unwrap();
    take(&mut writer, &mut counts);
    assert_eq!(counts, [[20, 10]; 2], "acknowledged, lost");
    // The mock has written them, though it was not asked again.
    (0..2).for_each(|partition| assert_eq!(written(&writer, partition, 30), (0..30).collect::<Vec<_>>()));
}

#[test]
fn only_a_lost_partition_with_a_leader_replaces_the_client() {
    let cluster = cluster();
    let mut writer = writer_of(&cluster);
    assert!(writer.have_leaders(&[0, 1]) && !writer.have_leaders(&[2]));
    writer.flush().unwrap();
    assert_eq!(writer.asked, None, "nothing is lost");
    lose(&writer, 1);
    writer.flush().unwrap();
    assert_eq!(writer.asked, None, "it may still be found");
    std::thread::sleep(LOST_AFTER);
    writer.flush().unwrap();
    assert_eq!(writer.asked, None, "the client is not known to be connected");
    writer.append(0, None, b"0").unwrap();
    writer.sync().unwrap();
    writer.flush().unwrap();
    assert!(writer.asked.is_some());
    assert_eq!(writer.delivery_reports.lost_partitions.overdue(Duration::ZERO), [0; 0], "another client");
    append(&mut writer, 0..5);
    writer.sync().unwrap();
}
