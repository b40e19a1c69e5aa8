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

# expect WHAT COMMAND...: it succeeds. refuse WHAT COMMAND...: it fails.
expect() {
    if "${@:2}" >"$work/said" 2>&1; then ok "$1"; else cat "$work/said"; bad "$1"; fi
}
refuse() {
    if "${@:2}" >"$work/said" 2>&1; then cat "$work/said"; bad "$1"; else ok "$1"; fi
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
    local deadline=$((SECONDS + $1))
    until "${@:2}"; do
        ((SECONDS < deadline)) || return 1
        sleep 1
    done
}

tickline() { k exec "${from:-worker-0}" -c worker -- /usr/local/bin/tickline "$@"; }

# The durable frontier, in seconds.
frontier() {
    local text
    text=$(tickline status 2>/dev/null | awk '/^complete before/ {print $3}')
    [[ -n $text ]] && date -d "$text" +%s
}

# The frontier is past NUMBER.
is_past() {
    local now
    now=$(frontier) && ((now > $1))
}

# What comes in now is complete soon: the frontier passes this very moment.
flows() { within "${1:-90}" is_past "$(date +%s)"; }

# All workers are in one pipeline.
together() {
    local wanted ready
    wanted=$(k get statefulset worker -o jsonpath='{.spec.replicas}')
    ready=$(k get statefulset worker -o jsonpath='{.status.readyReplicas}')
    [[ $wanted == "${ready:-0}" ]]
}

job_ends() { # NAME CONDITION SECONDS
    k wait --for="condition=$2" "job/$1" --timeout="$3s"
}

# Everything is computed again from the log, in a pod of its own, and agrees with the store.
agrees() {
    local name=verify-$SECONDS
    k create job --from=cronjob/verify "$name" &&
        job_ends "$name" Complete 90 && k logs "job/$name" | grep -E '^[1-9][0-9]* frontiers agree'
}

# How many gaps the sources have told of.
gaps() { tickline status | awk '/^gaps/ {print $2}'; }
no_gaps() { [[ $(gaps) == none ]]; }

candles() { tickline candles --symbol BINANCE:BTCUSDT --resolution 5s --format csv | grep -q '^BINANCE:BTCUSDT,'; }

# forward SERVICE PORT PORT-HERE: a tunnel, as a person would make it.
forward() {
    k port-forward "service/$1" "$3:$2" >"$work/forward-$1" 2>&1 &
    forwarding+=($!)
    within 20 grep -q Forwarding "$work/forward-$1"
}
get() { "${net[@]}" curl -fsS --max-time 10 "${@:2}" "http://127.0.0.1:$1"; }
page() {
    get 18080/ -H 'Authorization: Bearer tickline' | grep -qi '<html' &&
        get '18080/api/candles?symbol=BINANCE:BTCUSDT&resolution=5s' -H 'Authorization: Bearer tickline' |
        grep -q '"close"'
}

# Prometheus asks so many processes, and all of them answer. Its rules are those of the repository.
scraped() { get '18090/api/v1/query?query=sum(up)' | grep -q "\"$1\"\]"; }
rules() { get 18090/api/v1/rules | grep -q TicklineFrontierStandsStill; }

# A pod that is none of ours tries to reach an address.
stranger() { # NAMESPACE POD-OF-OURS PORT
    local address
    address=$(k get pod "$2" -o jsonpath='{.status.podIP}')
    cluster -n "$1" exec stranger -- timeout 3 nc -w 2 "$address" "$3" </dev/null
}

# The same stranger reaches something that is open, so it is no accident when it does not reach us.
stranger_reaches_dns() {
    local address
    address=$(cluster -n kube-system get pod -l k8s-app=kube-dns -o jsonpath='{.items[0].status.podIP}')
    cluster -n default exec stranger -- timeout 3 nc -w 2 "$address" 53 </dev/null
}

