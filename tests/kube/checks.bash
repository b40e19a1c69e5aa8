# What must be true of the pipeline in the cluster, as functions that say yes or no within a time. Sourced by
# scripts/kube-test, not run.

ok() {
    passed=$((passed + 1))
    printf 'ok %d - %s [%d s]\n' "$passed" "$1" "$SECONDS"
}

bad() {
    printf 'not ok - %s [%d s]\n' "$1" "$SECONDS"
    exit 1
}

# A slow machine needs longer than the times named here. What must fail is waited for just as long as named.
patience=4

# expect WHAT COMMAND...: it succeeds. refuse WHAT COMMAND...: it fails.
expect() {
    if "${@:2}" >"$work/said" 2>&1; then ok "$1"; else cat "$work/said"; bad "$1"; fi
}
refuse() {
    if patience=1 "${@:2}" >"$work/said" 2>&1; then cat "$work/said"; bad "$1"; else ok "$1"; fi
}

k() { cluster -n tickline "$@"; }

last_words() {
    {
        k get pods -o wide
        k get events --sort-by=.lastTimestamp | tail -20
        for pod in $(k get pods -o name | grep -v -e grafana -e prometheus); do
            echo "== $pod"
            k logs "$pod" --tail=8
        done
    } 2>&1 | tail -150 || true
}

# within SECONDS COMMAND...: until it succeeds.
within() {
    local deadline=$((SECONDS + $1 * patience))
    until "${@:2}"; do
        ((SECONDS < deadline)) || return 1
        sleep 1
    done
}

tickline() { k exec "${from:-worker-0}" -c worker -- /usr/local/bin/tickline "$@"; }

# The durable frontier, in seconds.
frontier() {
    local text
    text=$(tickline status 2>/dev/null | awk '/^complete up to/ {print $4}')
    [[ -n $text ]] && date -d "$text" +%s
}

# The frontier is past NUMBER.
is_past() {
    local now
    now=$(frontier) && ((now > $1))
}

# What comes in now is complete soon: the frontier passes this very moment.
flows() { within "${1:-90}" is_past "$(date +%s)"; }

replicas() { k get statefulset "$1" -o jsonpath='{.spec.replicas}'; }

# All workers are in one pipeline.
together() {
    local wanted ready
    wanted=$(replicas worker)
    ready=$(k get statefulset worker -o jsonpath='{.status.readyReplicas}')
    [[ $wanted == "${ready:-0}" ]]
}

job_ends() { # NAME CONDITION SECONDS
    k wait --for="condition=$2" "job/$1" --timeout="$(($3 * patience))s"
}

# Everything is computed again from the log, in a pod of its own, and agrees with the store.
agrees() {
    local name=verify-$SECONDS
    k create job --from=cronjob/verify "$name" &&
        job_ends "$name" Complete 90 && k logs "job/$name" | grep -E '^[1-9][0-9]* frontiers? match'
}

# How many gaps the sources have told of.
gaps() { tickline status | awk '/^gaps/ {print $2}'; }
no_gaps() { [[ $(gaps) == none ]]; }

# Which epoch of the workers writes.
epoch() { tickline status | awk '/^epoch/ {print $2}'; }

# What ingest says of itself: every trade that it took is in the log.
log_took_all() { k logs deployment/ingest --tail=1 | grep ' 0 rejected, 0 records lost'; }

# What was applied is what is there: generations count changes of what is wanted, and pods are the same ones.
wanted_state() {
    k get statefulset,deployment,job,cronjob,networkpolicy,pdb,service,configmap,secret,pvc,pod \
        -o jsonpath='{range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.generation}{"\n"}{end}'
}

# The directory of symbols, which no log of trades holds.
directory() { tickline symbols list --format csv; }
directory_is_empty() { (directory 2>&1 || true) | grep 'no symbols in'; }
same_directory() { [[ $(directory | sha256sum) == "$1" ]]; }

candles() { tickline candles --symbol BINANCE:BTCUSDT --resolution 5s --format csv | grep -q '^BINANCE:BTCUSDT,'; }

# forward SERVICE PORT: a tunnel, as a person would make it. get SERVICE PATH [OPTION...]: asks at its near end.
forward() {
    k port-forward "service/$1" ":$2" >"$work/forward-$1" 2>&1 &
    started+=($!)
    within 20 grep -q Forwarding "$work/forward-$1"
}
get() {
    local port
    port=$(sed -nE 's/^Forwarding from 127.0.0.1:([0-9]+) .*/\1/p' "$work/forward-$1")
    "${net[@]}" curl -fsS --max-time 10 "${@:3}" "http://127.0.0.1:$port$2"
}
page() {
    get dashboard / -H 'Authorization: Bearer tickline' | grep -qi '<html' &&
        get dashboard '/api/candles?symbol=BINANCE:BTCUSDT&resolution=5s' -H 'Authorization: Bearer tickline' |
        grep -q '"close"'
}

# Prometheus asks so many processes, and all of them answer. Its rules are those of the repository.
scraped() { get prometheus '/api/v1/query?query=sum(up)' | grep -q "\"$1\"\]"; }
rules() { get prometheus /api/v1/rules | grep -q TicklineFrontierStalled; }

# A pod that is none of ours tries to reach an address.
stranger() { # NAMESPACE POD-OF-OURS PORT
    local address
    address=$(k get pod "$2" -o jsonpath='{.status.podIP}')
    cluster -n "$1" exec stranger -- timeout 3 nc -w 1 "$address" "$3" </dev/null
}

# The same stranger reaches something that is open, so it is no accident when it does not reach us.
stranger_reaches_dns() {
    local address
    address=$(cluster -n kube-system get pod -l k8s-app=kube-dns -o jsonpath='{.items[0].status.podIP}')
    cluster -n default exec stranger -- timeout 3 nc -w 2 "$address" 53 </dev/null
}

