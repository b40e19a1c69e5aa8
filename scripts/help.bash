#!/usr/bin/env bash
# `--help` for every script: prints the comment at its head, and starts nothing. Sourced with the script's arguments.
case ${1:-} in
-h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
