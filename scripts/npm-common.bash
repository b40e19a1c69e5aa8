#!/usr/bin/env bash
# What the scripts that need packages of npm share: these are installed once for each state of their lock, in a cache
# outside the repository (TICKLINE_CACHE, by default ~/.cache/tickline). Sourced, not run.
cache=${TICKLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tickline}

die() { # MESSAGE [CODE]
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit "${2:-1}"
}

command -v node >/dev/null || die 'node is missing: install it (Debian: nodejs)'
command -v npm >/dev/null || die 'npm is missing: install it (Debian: npm)'

# install_packages NAME FOLDER: those of FOLDER/package-lock.json. One run installs at a time.
# Sets `home` to where they are.
install_packages() {
    local key
    key=$({ node --version && cat "$2/package-lock.json"; } | sha256sum | cut -c 1-16)
    home=$cache/$1-$key
    mkdir -p "$cache"
    exec 9>"$cache/$1.lock"
    flock 9
    if [[ ! -e $home/complete ]]; then
        rm -rf "$home"
        mkdir "$home"
        cp "$2/package.json" "$2/package-lock.json" "$home"
        [[ ! -e $2/.npmrc ]] || cp "$2/.npmrc" "$home"
        (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 ||
            die 'the packages cannot be installed: see above'
        touch "$home/complete"
    fi
    exec 9>&-
}
