#!/usr/bin/env bash
# What the scripts that run a real server for the tests share: jars from Maven in a cache outside the repository
# (TICKLINE_CACHE, by default ~/.cache/tickline), free ports, and a process that outlives nobody. Sourced, not run.
cache=${TICKLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tickline}
server=${0##*/}

die() {
    printf '%s: %s\n' "$server" "$1" >&2
    exit 1
}

# fetch_jars HOME LOCK GROUP:ARTEFACT:VERSION...: fills HOME/jars once, then calls `after_fetch HOME` where there is
# one.
fetch_jars() {
    local home=$1 lock=$2 new artefact group name version
    shift 2
    command -v java >/dev/null || die 'java is missing: install a Java 17 runtime (Debian: openjdk-17-jre-headless)'
    command -v openssl >/dev/null || die 'openssl is missing: install it (Debian: openssl)'
    command -v setpriv >/dev/null || die 'setpriv is missing: install it (Debian: util-linux)'
    mkdir -p "$cache"
    exec 9>"$cache/$lock.lock"
    flock 9
    if [[ ! -d $home ]]; then
        command -v mvn >/dev/null || die 'mvn is missing: install Maven (Debian: maven)'
        new=$(mktemp -d "$cache/new.XXXXXX")
        {
            echo '<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId>'
            echo '<version>1</version><packaging>pom</packaging><dependencies>'
            for artefact in "$@"; do
                IFS=: read -r group name version <<<"$artefact"
                echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId>"
                echo "<version>$version</version></dependency>"
            done
            echo '</dependencies></project>'
        } >"$new/pom.xml"
        mvn -q -B -f "$new/pom.xml" dependency:copy-dependencies -DoutputDirectory="$new/jars" >"$new/mvn.log" 2>&1 ||
            { cat "$new/mvn.log" >&2; rm -rf "$new"; die 'the jars cannot be fetched: see above'; }
        if declare -F after_fetch >/dev/null; then
            after_fetch "$new"
        fi
        mv "$new" "$home"
    fi
    exec 9>&-
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Sets `ports` to three that nobody has, below those that the system gives to clients. The lock (descriptor 8, which the
# server inherits) keeps them from other runs of these scripts until the server listens, and after.
# shellcheck disable=SC2034 # for the script that sources this
free_ports() {
    local first
    mkdir -p "$cache/ports"
    for _ in {1..100}; do
        first=$((20000 + RANDOM % 4000 * 3))
        exec 8>"$cache/ports/$first"
        if flock -n 8 && ! answers "$first" && ! answers $((first + 1)) && ! answers $((first + 2)); then
            ports=$first,$((first + 1)),$((first + 2))
            return
        fi
    done
    die 'no free ports were found'
}

# A certificate authority and a certificate for 127.0.0.1.
certificates() {
    (
        cd "$1" || exit
        openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout ca.key -out ca.pem \
            -subj '/CN=tickline test' 2>/dev/null
        openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj '/CN=localhost' 2>/dev/null
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out server.pem \
            -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') 2>/dev/null
        openssl pkcs12 -export -in server.pem -inkey server.key -out server.p12 -passout pass:secret
    )
}

temporary=

# Sets `dir` to the given folder, created if it does not exist; `-` is a new one that is removed at the end.
# shellcheck disable=SC2034
data_folder() {
    [[ $1 != - ]] || temporary=$(mktemp -d)
    dir=${temporary:-$1}
    dir=$(mkdir -p "$dir" && cd "$dir" && pwd)
}

# Ends what was started. By job, not by process id: the id of a server that was killed may be another process' by now.
clean_up() {
    { kill -9 %1 && wait %1; } 2>/dev/null || true
    [[ -z $temporary ]] || rm -rf "$temporary"
}

# until_it_answers PORT LOG...: waits for the server, which is job 1.
until_it_answers() {
    local port=$1 tries
    shift
    for ((tries = 0; tries < 1200; tries++)); do
        answers "$port" && return
        kill -0 %1 2>/dev/null || { tail -20 "$@" >&2; die 'the server ended: see above'; }
        sleep 0.1
    done
    die "the server does not answer after two minutes: see $1"
}

# Until the one that started this is done, or gone.
until_input_ends() { while read -r; do :; done; }
