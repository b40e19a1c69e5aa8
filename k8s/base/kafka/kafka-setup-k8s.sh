#!/usr/bin/env bash
# Creates Tickline's topics with Kafka's own tools, and verifies existing ones. Meant as an init step in a container of
# the Kafka image: it waits a limited time for the brokers, and can be run again at any time.
#
#   kafka-setup-k8s.sh             creates missing topics; a topic with other settings is an error that names each
#                                  difference, and then nothing is created or changed
#   kafka-setup-k8s.sh --dry-run   prints the commands that would create the topics, without contacting a broker
#
# Needs bash and kafka-topics.sh, kafka-configs.sh, kafka-broker-api-versions.sh (on PATH, in KAFKA_HOME/bin or in
# /opt/kafka/bin). Writes no file. Exit codes: 0 done, 2 invalid settings or a topic that differs, 1 anything else.
# `tickline setup` creates the same topics.
#
# Settings, by environment:
#   BOOTSTRAP_SERVERS     kafka:9092  Bootstrap brokers, host:port[,host:port].
#   COMMAND_CONFIG                    File of client properties for TLS and SASL: secrets are in it, not in arguments.
#   TRADES_TOPIC          trades      The log of trades, from which every row can be computed again.
#   SYMBOLS_TOPIC         symbols     The symbol table: the newest entry of each. Always one partition, compacted.
#   REJECTED_TOPIC                    Mirror of rejected records; created only if it has a name, such as
# trades.rejected.
#   TRADES_PARTITIONS     12          Maximum number of workers that read. Choose once: this number decides the
#                                     partition of a symbol, so it cannot change later. 2, 3, 4 and 6 divide 12.
#   REJECTED_PARTITIONS   1           Few records, in no particular order.
#   REPLICATION           3           With 3, one broker may fail while another one is being restarted.
#   MIN_INSYNC_REPLICAS   2           Replicas that each acknowledgement needs, so that no record is lost with one
#                                     broker; 1 if REPLICATION is below 3.
#   RETENTION_MS          604800000   How far back a replay can go: 7 days. The mirror keeps its records as long.
#   MAX_MESSAGE_BYTES     2097152     Above the longest valid record, 1 MiB, with its batch overhead.
#   WAIT_SECONDS          120         How long to wait for brokers.
#
# Settings of every topic, and the reasons:
#   message.timestamp.type=LogAppendTime   Event time is in the record. With the broker's clock, retention counts from
#                                          the arrival: old trades imported today are kept, and no trade with an
#                                          odd time is rejected or kept forever.
#   compression.type=producer              The broker stores batches as received, and never compresses them again.
#   unclean.leader.election.enable=false   Better no leader for a while than the loss of an acknowledged record.
# retention.bytes=-1 with retention by age: by age alone. The mirror is not compacted: the store keeps those records
# permanently, and a duplicate after a restart has the same key. segment.ms is a day in the symbol table, because only
# closed segments are compacted.
set -euo pipefail

say() { printf 'kafka-setup: %s\n' "$*" >&2; }

die() { # CODE MESSAGE
    say "$2"
    exit "$1"
}

dry_run=
case "$#,${1:-}" in
0,) ;;
1,--dry-run) dry_run=yes ;;
*) die 2 'usage: kafka-setup-k8s.sh [--dry-run]; everything else by environment, see the head of this file' ;;
esac

brokers=${BOOTSTRAP_SERVERS:-kafka:9092}
client=(--bootstrap-server "$brokers")
if [[ -n ${COMMAND_CONFIG:-} ]]; then
    [[ -n $dry_run || -r $COMMAND_CONFIG ]] || die 2 "COMMAND_CONFIG: cannot read the file $COMMAND_CONFIG"
    client+=(--command-config "$COMMAND_CONFIG")
fi

# number NAME DEFAULT: sets the variable NAME, a positive number within bash's range.
number() {
    local value=${!1:-$2}
    [[ $value =~ ^[1-9][0-9]{0,17}$ ]] || die 2 "invalid $1 '$value': expected a positive number"
    printf -v "$1" '%s' "$value"
}
number TRADES_PARTITIONS 12
number REJECTED_PARTITIONS 1
number REPLICATION 3
number MIN_INSYNC_REPLICAS $((REPLICATION < 3 ? 1 : 2))
number RETENTION_MS 604800000
number MAX_MESSAGE_BYTES 2097152
number WAIT_SECONDS 120
((MIN_INSYNC_REPLICAS <= REPLICATION)) ||
    die 2 "invalid MIN_INSYNC_REPLICAS $MIN_INSYNC_REPLICAS: expected at most REPLICATION, $REPLICATION"

names=()
declare -A partitions=() configs=()

# want NAME PARTITIONS CONFIG...: declares a required topic.
want() {
    local name=$1
    [[ $name =~ ^[A-Za-z0-9._-]{1,249}$ ]] || die 2 "invalid topic name '$name'"
    [[ -z ${partitions[$name]:-} ]] || die 2 "duplicate topic name '$name'"
    names+=("$name")
    partitions[$name]=$2
    shift 2
    configs[$name]="$* compression.type=producer max.message.bytes=$MAX_MESSAGE_BYTES"
    configs[$name]+=" message.timestamp.type=LogAppendTime min.insync.replicas=$MIN_INSYNC_REPLICAS"
    configs[$name]+=" unclean.leader.election.enable=false"
}
by_age=(cleanup.policy=delete "retention.ms=$RETENTION_MS" retention.bytes=-1)
want "${TRADES_TOPIC:-trades}" "$TRADES_PARTITIONS" "${by_age[@]}"
want "${SYMBOLS_TOPIC:-symbols}" 1 cleanup.policy=compact segment.ms=86400000
[[ -z ${REJECTED_TOPIC:-} ]] || want "$REJECTED_TOPIC" "$REJECTED_PARTITIONS" "${by_age[@]}"

# Sets `create` to the command that creates a topic.
creation_of() {
    local config
    create=(kafka-topics.sh "${client[@]}" --create --if-not-exists --topic "$1" --partitions "${partitions[$1]}"
        --replication-factor "$REPLICATION")
    for config in ${configs[$1]}; do
        create+=(--config "$config")
    done
}

if [[ -n $dry_run ]]; then
    for name in "${names[@]}"; do
        creation_of "$name"
        printf '%s' "${create[0]}"
        printf ' %q' "${create[@]:1}"
        echo
    done
    exit 0
fi

tool() {
    command -v "$1" && return
    local folder
    for folder in "${KAFKA_HOME:-/opt/kafka}/bin" /opt/kafka/bin; do
        [[ ! -x $folder/$1 ]] || { echo "$folder/$1"; return; }
    done
    die 1 "$1 is missing: put Kafka's tools on PATH, or set KAFKA_HOME"
}
for name in kafka-topics.sh kafka-configs.sh kafka-broker-api-versions.sh; do
    tool "$name" >/dev/null
done

# run SECONDS TOOL ARGUMENTS...: sets `output` to all output. Kafka's tools may retry forever, so each has a limit.
run() {
    local seconds=$1 path
    path=$(tool "$2")
    shift 2
    output=$(timeout "$seconds" "$path" "$@" 2>&1 </dev/null)
}

# Prints why a tool failed: the beginning of its output, without the stack trace.
reason() {
    local line said=
    while IFS= read -r line; do
        [[ $line =~ ^[[:space:]]*at\  ]] || said+="$line "
    done < <(printf '%s\n' "$output")
    echo "${said:0:600}"
}

# must TOOL ARGUMENTS...: the same, but exits on a failure.
must() { run 60 "$@" || die 1 "$1 failed, or took a minute: $(reason)"; }

# wait_for N: waits until N brokers answer. An attempt that times out leaves the count as it is.
wait_for() {
    local line left now announced='' why=''
    while ((answering < $1)); do
        left=$((WAIT_SECONDS - SECONDS))
        if ((left <= 0)); then
            say "$answering of $1 brokers answer at $brokers after $WAIT_SECONDS s$why"
            die 1 'check that the brokers are up, and check BOOTSTRAP_SERVERS and COMMAND_CONFIG'
        fi
        if run $((left < 20 ? left : 20)) kafka-broker-api-versions.sh "${client[@]}"; then
            now=0
            while IFS= read -r line; do
                [[ $line != *'(id: '* || $line == *'isFenced: true'* ]] || now=$((now + 1))
            done < <(printf '%s\n' "$output")
            answering=$now
        elif [[ -n $output ]]; then
            why=": $(reason)"
        fi
        ((answering < $1)) || return 0
        [[ -n $announced ]] || say "waiting for $1 brokers at $brokers, $WAIT_SECONDS s at most"
        announced=yes
        sleep 1
    done
}

# has TOPIC WHAT WANTED HAS: records a difference.
has() { [[ $3 == "$4" ]] || differences+=("topic $1: $2: wanted $3, has $4"); }

# Compares an existing topic with the requirements; $2 and $3 are its partitions and its replication factor.
check() {
    local name=$1 line config value
    local -A is=()
    has "$name" partitions "${partitions[$name]}" "$2"
    has "$name" 'replication factor' "$REPLICATION" "$3"
    must kafka-configs.sh "${client[@]}" --describe --all --entity-type topics --entity-name "$name"
    while IFS= read -r line; do
        [[ ! $line =~ ^\ +([a-z.]+)=(.*)\ sensitive= ]] || is[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    done < <(printf '%s\n' "$output")
    for config in ${configs[$name]}; do
        value=${is[${config%%=*}]:-}
        has "$name" "${config%%=*}" "${config#*=}" "${value:-nothing}"
    done
}

summary='^Topic: ([^[:space:]]+)[[:space:]].*PartitionCount: ([0-9]+)[[:space:]]+ReplicationFactor: ([0-9]+)'

# Sets `missing` to the missing topics, and checks the others.
look() {
    local list line
    list=$(IFS=, && echo "$*")
    local -A there=()
    missing=()
    must kafka-topics.sh "${client[@]}" --describe --if-exists --topic "$list"
    while IFS= read -r line; do
        # The tool takes the names as patterns, so it may list other topics too.
        [[ ! $line =~ $summary ]] || there[${BASH_REMATCH[1]}]="${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"
    done < <(printf '%s\n' "$output")
    local name
    for name in "$@"; do
        if [[ -n ${there[$name]:-} ]]; then
            check "$name" "${there[$name]% *}" "${there[$name]#* }"
        else
            missing+=("$name")
        fi
    done
    ((${#differences[@]} == 0)) || fail_on_drift
}

fail_on_drift() {
    printf 'kafka-setup: %s\n' "${differences[@]}" >&2
    die 2 'nothing was changed: adapt the settings, or change the topics by hand (other partitions need a new topic)'
}

answering=0
output=
differences=()
missing=()
wait_for 1
look "${names[@]}"
((${#missing[@]} == 0)) || wait_for "$REPLICATION"
for name in "${missing[@]}"; do
    creation_of "$name"
    must "${create[@]}"
    if [[ $output == *"Created topic $name."* ]]; then
        say "topic $name: created"
    else
        # It was created concurrently.
        look "$name"
        ((${#missing[@]} == 0)) || die 1 "cannot create topic $name: $output"
    fi
done
say "topics ${names[*]}: as they should be"
