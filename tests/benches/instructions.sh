#!/bin/sh
# Instructions per hit, counted by valgrind (callgrind): two runs of different length, divided by the difference.
# Machine and load do not matter, so a change of one in a hundred shows. Needs valgrind.
set -eu
cd "$(dirname "$0")"
cargo build --quiet --release --package azlatch-benches --bin azlatch-hits
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
counted() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$target/release/azlatch-hits" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : //p'
}
echo "| what | instructions |"
echo "|:---|---:|"
for what in limit handle azlatch async azure_identity miss; do
    calls=20000
    [ "$what" = miss ] && calls=500
    short=$(counted "$what" 10)
    long=$(counted "$what" $((calls + 10)))
    echo "| $what | $(((long - short) / calls)) |"
done
