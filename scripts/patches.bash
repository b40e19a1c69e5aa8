#!/usr/bin/env bash
# What scripts/mutants and scripts/bugs have in common: known mistakes, as patches, are put into a copy of the sources,
# one at a time. Sourced by both, which set `root`, `copy` and `log`, and define `caught_by`: it prints what has caught
# the mistake that is in the copy, or why nothing has, and returns 0 if something has.
# shellcheck disable=SC2154 # set where this is sourced

# Whether a name holds one of the words after it; without words any name does.
chosen() {
    local word
    (($# > 1)) || return 0
    for word in "${@:2}"; do
        [[ $1 != *"$word"* ]] || return 0
    done
    return 1
}

# Tries the patches in the array `patches`, and prints the score. Fails unless each applies, compiles and is caught.
try_patches() {
    local patch name file outcome caught=0
    for patch in "${patches[@]}"; do
        name=$(basename "$patch" .patch)
        file=$(sed -n 's|^+++ b/||p' "$patch")
        if ! patch --quiet --strip=1 --directory="$copy" --fuzz=1 <"$patch" >"$log" 2>&1; then
            outcome="does not apply"
        elif outcome=$(caught_by); then
            caught=$((caught + 1))
        fi
        cp "$root/$file" "$copy/$file"
        rm -f "$copy/$file.orig" "$copy/$file.rej"
        # Cargo goes by the time of change, which must move.
        touch "$copy/$file"
        printf '%-45s %s\n' "$name" "$outcome"
    done
    echo "score $caught/${#patches[@]}"
    ((${#patches[@]} > 0 && caught == ${#patches[@]}))
}
