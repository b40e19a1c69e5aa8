# How scripts/deploy brings what is wanted into a cluster that may run something else. Sourced, not run.

# The claims of a set that are there grow to what is wanted. Kubernetes changes no template of claims, so the set is
# made again around its pods, which stay. It refuses to make a claim smaller.
grow_claims() {
    local set there size claim
    for set in kafka cassandra prometheus; do
        there=$(k get statefulset "$set" --ignore-not-found \
            -o jsonpath='{.spec.volumeClaimTemplates[0].spec.resources.requests.storage}')
        size=$(awk -v name="$set" '/^kind:/ { kind = $2 } /^  name:/ { set = $2 }
            kind == "StatefulSet" && set == name && $1 == "storage:" { print $2 }' "$wanted")
        [[ -n $there && $there != "$size" ]] || continue
        say "the disks of $set grow from $there to $size"
        for claim in $(k get persistentvolumeclaims -l "app.kubernetes.io/name=$set" -o name); do
            k patch "$claim" -p "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"$size\"}}}}"
        done
        k delete statefulset "$set" --cascade=orphan
    done
}

# Jobs that are over go, so that they run again.
jobs_again() {
    local job active
    for job in kafka-topics cassandra-schema; do
        active=$(k get job "$job" --ignore-not-found -o jsonpath='{.status.active}')
        [[ -n $active ]] || k delete job "$job" --ignore-not-found
    done
}

# Whether the workers that are wanted are others than those that run.
workers_differ() {
    k get statefulset worker >/dev/null 2>&1 || return 1
    local code=0 differences
    differences=$("${kubectl[@]}" diff -f "$wanted") || code=$?
    ((code <= 1)) || die 'the cluster cannot say what differs: see above'
    [[ $differences == *apps.v1.StatefulSet.tickline.worker* ]]
}

# Ends all workers. What they have not written yet, the next ones compute again from the last checkpoint.
end_workers() {
    say 'the workers change: all of them end'
    k scale statefulset worker --replicas=0
    k wait --for=delete pod -l app.kubernetes.io/name=worker --timeout=120s
}

job_succeeds() { # NAME
    local state
    for _ in {1..300}; do
        state=$(k get job "$1" -o jsonpath='{.status.conditions[*].type}')
        [[ $state != *Complete* ]] || return 0
        [[ $state != *Failed* ]] || break
        sleep 2
    done
    die "the job $1 has failed, or takes longer than ten minutes. Why: kubectl -n tickline logs job/$1"
}

# What the workers stand on comes before them. Workers are not rolled, since they are replaced together.
wait_for_all() {
    local count each
    say 'applied; waiting until everything runs'
    for each in statefulset/kafka statefulset/cassandra; do
        k rollout status "$each" --timeout=20m
    done
    job_succeeds kafka-topics
    job_succeeds cassandra-schema
    count=$(sed -n 's/^TICKLINE_PROCESSES=//p' "$overlay/workers.env")
    k wait --for=jsonpath='{.status.readyReplicas}'="$count" statefulset/worker --timeout=10m
    for each in statefulset/prometheus deployment/ingest deployment/dashboard deployment/grafana; do
        k rollout status "$each" --timeout=10m
    done
}
