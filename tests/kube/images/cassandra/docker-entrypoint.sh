#!/usr/bin/env bash
# A stand-in for the entry point of Cassandra's official image, by its rules: CASSANDRA_ and the name of a setting in
# the environment change cassandra.yaml in CASSANDRA_CONF, which has to be writable; seeds, data centre, rack too.
set -euo pipefail
if (($# == 0)) || [[ $1 == -* ]]; then
    set -- cassandra -f "$@"
fi
if [[ $1 == cassandra ]]; then
    yaml=$CASSANDRA_CONF/cassandra.yaml
    rackdc=$CASSANDRA_CONF/cassandra-rackdc.properties
    [[ -w $yaml ]] || { echo "$yaml is not writable" >&2; exit 1; }
    : "${CASSANDRA_LISTEN_ADDRESS:=$(hostname -i)}" "${CASSANDRA_RPC_ADDRESS:=0.0.0.0}"
    : "${CASSANDRA_BROADCAST_ADDRESS:=$CASSANDRA_LISTEN_ADDRESS}"
    : "${CASSANDRA_BROADCAST_RPC_ADDRESS:=$CASSANDRA_BROADCAST_ADDRESS}"
    : "${CASSANDRA_SEEDS:=$CASSANDRA_BROADCAST_ADDRESS}"
    change() { sed "$@" >/tmp/changed && cat /tmp/changed >"${*: -1}"; }
    change -E "s/(- seeds:).*/\1 \"$CASSANDRA_SEEDS\"/" "$yaml"
    for key in broadcast_address broadcast_rpc_address cluster_name endpoint_snitch listen_address num_tokens \
        rpc_address; do
        variable=CASSANDRA_${key^^}
        [[ -z ${!variable:-} ]] || change -E "s/^(# )?$key:.*/$key: ${!variable}/" "$yaml"
    done
    for key in dc rack; do
        variable=CASSANDRA_${key^^}
        [[ -z ${!variable:-} ]] || change -E "s/^($key=).*/\1${!variable}/" "$rackdc"
    done
fi
exec "$@"
