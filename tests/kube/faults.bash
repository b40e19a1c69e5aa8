# The parts of the test on a cluster, in their order. Sourced by scripts/kube-test, not run.

# What this test does to a cluster must not be done to one that somebody uses.
is_new() { refuse 'there is no tickline yet' cluster get namespace tickline; }

# Every field of every object is one that this API server knows.
fits_schemas() {
    if [[ -n $kubeconfig ]]; then
        say 'schemas are not checked on a cluster that was there: --server-side --dry-run is'
        return
    fi
    cluster get --raw /openapi/v2 >"$work/openapi.json"
    python3 "$harness/schemas.py" "$work/openapi.json" "$work/schemas"
    expect 'what is applied fits the schemas' conforms "$work/wanted.yaml"
    expect 'prod fits the schemas' conforms "$work/prod.yaml"
    sed 's/^  serviceName: /  servicename: /' "$work/wanted.yaml" >"$work/wrong.yaml"
    refuse 'a field that is written wrong does not' conforms "$work/wrong.yaml"
}

conforms() {
    "$tools/kubeconform" -strict -schema-location "$work/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "$1"
}

rolls_out() {
    cluster apply -f k8s/base/namespace.yaml >/dev/null
    expect 'the API server accepts every object' cluster apply --server-side --dry-run=server -f "$work/wanted.yaml"
    expect 'those of prod, too' cluster apply --server-side --dry-run=server -f "$work/prod.yaml"
    refuse 'the restricted policy refuses a pod with rights' k run rooted --image=tickline:dev --dry-run=server
    expect 'one apply makes everything' cluster apply -k "$overlay"
    expect 'the topics are made' job_ends kafka-topics Complete 150
    expect 'the schema is made' job_ends cassandra-schema Complete 300
    for kind in statefulset/kafka statefulset/cassandra statefulset/prometheus deployment/grafana deployment/simulate \
        deployment/dashboard deployment/ingest; do
        expect "$kind rolls out" k rollout status "$kind" --timeout=360s
    done
    expect 'all workers are together' within 90 together
    # It asks at most once a second; nobody waits for it yet.
    expect 'the symbols are asked for' k create job --from=cronjob/symbols-sync symbols-now
    expect 'nothing differs from what was applied' cluster diff -k "$overlay"
    local before
    before=$(wanted_state)
    cluster apply -k "$overlay" >/dev/null
    expect 'a second apply changes nothing' test "$(wanted_state)" == "$before"
}

works() {
    expect 'the frontier follows the clock' flows 120
    expect 'candles are in Cassandra' within 60 candles
    expect 'a tunnel to the page' forward dashboard 8080
    expect 'the page shows them' within 30 page
    refuse 'and asks for its token' get dashboard /api/symbols
    expect 'a tunnel to Prometheus' forward prometheus 9090
    expect 'all workers, two pages and the ingest answer Prometheus' within 60 scraped "$(($(replicas worker) + 3))"
    expect 'it has the alert rules' rules
    expect 'a replay agrees with the store' agrees
    expect 'no gap was reported' no_gaps
}

# The store as it was, out of a backup; then all of it, out of the log.
keeps() {
    export KUBECTL="${kubectl[*]}"
    local place=s3://backups/cassandra/today listed saved_epoch rebuilt_epoch
    expect 'an object storage is there' object_storage
    expect 'the directory of symbols is there' job_ends symbols-now Complete 120
    listed=$(directory | sha256sum)
    saved_epoch=$(epoch)
    expect 'a backup is made' scripts/cassandra-backup save "$place"
    expect 'it is in the object storage' saved
    expect 'the workers go on' flows 120

    expect 'the store is made again from the log' scripts/cassandra-backup rebuild
    expect 'all of it, up to now' flows 180
    expect 'by workers that knew of none before them' test "$(epoch)" -le "$saved_epoch"
    expect 'a replay agrees with the store' agrees
    expect 'what is not in the log is still there' same_directory "$listed"
    expect 'the page shows what is new' within 30 page

    expect 'a table is lost' as_admin 'TRUNCATE tickline.symbols'
    expect 'its rows are gone' directory_is_empty
    rebuilt_epoch=$(epoch)
    expect 'the backup is brought back' scripts/cassandra-backup restore "$place"
    expect 'the rows are there again' within 60 same_directory "$listed"
    expect 'the workers go on from there' flows 180
    expect 'by those that come after the saved ones' test "$(epoch)" -gt "$rebuilt_epoch"
    expect 'a replay agrees with the store' agrees
}

# As dev's administrator, whose password everybody knows.
as_admin() {
    # shellcheck disable=SC2016 # the pod's shell expands it
    k exec cassandra-0 -c cassandra -- bash -c 'HOME=/tmp cqlsh -u admin -p tickline -e "$1" "$POD_IP"' as_admin "$1"
}

# An S3 of this machine, and the command that scripts/cassandra-backup speaks to it with.
object_storage() {
    local python
    python=$(scripts/foreign-clients tests/kube/requirements.txt) || return
    setpriv --pdeathsig TERM "${python%/*}/moto_server" -H 127.0.0.1 -p 0 >"$work/moto" 2>&1 &
    started+=($!)
    within 20 grep -q 'Running on' "$work/moto" || return
    AWS_ENDPOINT_URL=$(sed -n 's/.*Running on \(http:[^ ]*\)/\1/p' "$work/moto")
    export AWS_ENDPOINT_URL AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=nothing
    export PATH=${python%/*}:$PATH
    aws s3 mb s3://backups
}

saved() {
    aws s3 ls s3://backups/cassandra/today/ | tee "$work/saved"
    (($(grep -cE ' [1-9][0-9]{3,} cassandra-[0-9].tar.gz$' "$work/saved") == $(replicas cassandra)))
}

is_refused() {
    local namespace
    for namespace in default tickline; do
        restricted_stranger "$namespace"
    done
    expect 'a stranger can speak' within 20 stranger_reaches_dns
    for namespace in default tickline; do
        refuse "a stranger in $namespace does not reach the mesh" stranger "$namespace" worker-0 2101
        refuse "a stranger in $namespace does not reach Cassandra" stranger "$namespace" cassandra-0 9042
        refuse "a stranger in $namespace does not reach Kafka" stranger "$namespace" kafka-0 9092
    done
}

# A pod that does nothing, in a namespace; it gives up what the restricted policy wants.
restricted_stranger() {
    cluster -n "$1" apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: stranger}
spec:
  securityContext: {runAsUser: 1000, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: stranger
      image: $visitor_image
      command: [sleep, "3600"]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
YAML
    expect "a stranger is in $1" cluster -n "$1" wait --for=condition=Ready pod/stranger --timeout=180s
}

# lost POD: it is deleted, another one comes, and everything goes on by itself.
lost() {
    local uid
    uid=$(k get pod "$1" -o jsonpath='{.metadata.uid}')
    k delete pod "$1" --wait=false >/dev/null
    another() { [[ $(k get pod "$1" -o jsonpath='{.metadata.uid}' 2>/dev/null) != "$uid" ]]; }
    expect "$1 is deleted" within 200 another "$1"
    expect "$1 is back" k wait --for=condition=Ready "pod/$1" --timeout=450s
    expect 'all workers are together' within 120 together
    expect 'the frontier follows the clock again' flows 120
}

survives() {
    lost worker-1
    lost kafka-0
    lost cassandra-0
    expect 'a replay agrees with the store' agrees
    expect 'no gap was reported' no_gaps
    expect 'the log took everything' within 20 log_took_all
    [[ -n $kubeconfig ]] || node_lost
}

# The second node is gone without a word. An operator would remove it from the cluster; here this test does.
node_lost() {
    expect 'a worker runs on the second node' node_has_worker
    # Its number is the one that the control plane's processes see.
    nsenter -t "$control_plane" -p -- kill -KILL "$(cat "$STATE/nodepid/2")"
    expect 'the second node is not ready' cluster wait --for=condition=Ready=unknown node/node2 --timeout=270s
    cluster delete node node2 >/dev/null
    expect 'all workers are together on what is left' within 180 together
    expect 'the page is on what is left' k rollout status deployment/dashboard --timeout=360s
    expect 'the frontier follows the clock again' flows 180
    expect 'a replay agrees with the store' agrees
}

node_has_worker() { k get pods -o wide | grep '^worker-.*node2'; }

# With three copies nothing stops while one is away. Its node takes no pods meanwhile, so it stays away.
goes_on_without() {
    local pod node
    for pod in kafka-1 cassandra-1; do
        node=$(k get pod "$pod" -o jsonpath='{.spec.nodeName}')
        cluster cordon "$node" >/dev/null
        k delete pod "$pod" >/dev/null
        expect "$pod is away" is_away "$pod"
        expect 'the frontier follows the clock without it' flows 60
        expect 'all the time' is_away "$pod"
        cluster uncordon "$node" >/dev/null
        expect "$pod is back" k wait --for=condition=Ready "pod/$pod" --timeout=450s
        expect 'the frontier follows the clock' flows 60
    done
    expect 'a replay agrees with the store' agrees
    expect 'no gap was reported' no_gaps
    expect 'the log took everything' within 20 log_took_all
}

is_away() { [[ $(k get pod "$1" -o jsonpath='{.status.phase}') == Pending ]]; }

scales() {
    cp -r --parents k8s cql grafana prometheus "$work"
    expect 'scripts/deploy takes three workers' env ROOT="$work" KUBECTL="${kubectl[*]}" scripts/deploy dev --workers 3
    expect 'all three are together' within 120 together
    expect 'they are three' test "$(replicas worker)" == 3
    expect 'the frontier follows the clock' flows 120
    expect 'a replay agrees with the store' agrees
}

# Mistakes in the manifests: the same questions as above must say no.
notices() {
    local mutated=$work/mutated.yaml
    # scripts/deploy has run it once more as it is, and waited for its good end.
    expect 'another number of partitions fails' topics_with 6 Failed

    # The node that is lost took the first one with it.
    cluster -n default delete pod stranger --ignore-not-found --force >/dev/null 2>&1
    restricted_stranger default
    k delete networkpolicy default-deny worker >/dev/null
    expect 'without its policy a stranger reaches the mesh: the check notices' within 20 stranger default worker-0 2101
    cluster apply -k "$work/k8s/overlays/dev" >/dev/null
    expect 'with it, again not' within 20 stranger_is_kept_out

    k get statefulset worker -o yaml | sed 's/serviceName: worker$/serviceName: nobody/' >"$mutated"
    workers_of "$mutated"
    refuse 'with another serviceName the workers are not together: the check notices' within 12 together

    k get statefulset worker -o yaml | sed 's/serviceName: nobody$/serviceName: worker/
        s/containerPort: 2101/containerPort: 2111/' >"$mutated"
    workers_of "$mutated"
    refuse 'with another port the workers are not together: the check notices' within 12 together

    sed -i 's/containerPort: 2111/containerPort: 2101/' "$mutated"
    workers_of "$mutated"
    expect 'put right, they are' within 120 together
    expect 'a replay agrees with the store' agrees
}

stranger_is_kept_out() { ! stranger default worker-0 2101; }

workers_of() { # FILE
    k delete statefulset worker --wait >/dev/null
    within 60 no_workers
    sed -i -E '/^  (uid|resourceVersion|creationTimestamp|generation):/d' "$1"
    cluster create -f "$1" >/dev/null
    sleep 5
}

no_workers() { [[ -z $(k get pods -l app.kubernetes.io/name=worker -o name) ]]; }

# The job of the topics, run again, wanting so many partitions of trades.
topics_with() { # PARTITIONS CONDITION
    local name=topics-$1
    k get job kafka-topics -o json | python3 tests/kube/again "$name" "TRADES_PARTITIONS=$1" | k create -f - &&
        job_ends "$name" "$2" 90
}
