#!/bin/sh
# Asks a running rolegate that serves examples/acme.jsonl, and shows each call with its answer.
#   cargo run --release -- serve --load examples/acme.jsonl
#   examples/curl.sh [http://127.0.0.1:8181]
set -eu
url=${1:-http://127.0.0.1:8181}

# ask WHAT EXPECTED curl-arguments…: the answer must hold EXPECTED.
ask() {
    what=$1 expected=$2
    shift 2
    printf '\n# %s\ncurl' "$what"
    for argument in "$@"; do
        case $argument in
            *[!A-Za-z0-9/:.-]*) printf " '%s'" "$argument" ;;
            *) printf ' %s' "$argument" ;;
        esac
    done
    answer=$(curl -sS "$@")
    printf '\n%s\n' "$answer"
    case $answer in
        *"$expected"*) ;;
        *) printf 'expected to find: %s\n' "$expected" >&2; exit 1 ;;
    esac
}

json='content-type: application/json'

ask 'May cy act as administrator in LiveChat for acme?' '"allowed":true,"reason":"granted"' \
    "$url/check" -H "$json" \
    -d '{"account":"cy","organization":"acme","product":"LiveChat","role":"administrator"}'

ask 'The same by GET.' '"allowed":true,"reason":"granted"' \
    "$url/check?account=cy&organization=acme&product=LiveChat&role=administrator"

ask 'di is a normal agent there. A deny is an answer too: status 200.' '"allowed":false,"reason":"role_not_held"' \
    "$url/check?account=di&organization=acme&product=LiveChat&role=administrator"

ask 'Roles are held for each organization: in globex di is an administrator.' '"allowed":true' \
    "$url/check?account=di&organization=globex&product=LiveChat&role=administrator"

ask 'ed is suspended in LiveChat. Why, in full?' '"reason":"suspended"' \
    "$url/check?account=ed&organization=acme&product=LiveChat&role=normal&explain=true"

ask 'ChatBot is paused in acme.' '"reason":"product_paused"' \
    "$url/check?account=di&organization=acme&product=ChatBot&role=editor"

ask 'A grant with an end, judged at another moment.' '"reason":"grant_expired"' \
    "$url/check?account=flo&organization=acme&product=LiveChat&role=normal&at=2100-01-01T00:00:00Z"

ask 'A legacy LiveChat role: may bo act as viceowner?' '"allowed":true' \
    "$url/check" -H "$json" -d '{"account":"bo","organization":"acme","legacy_role":"viceowner"}'

ask 'Many questions at once; the mistake in one stays there.' '"error":{"code":"unknown_role"' \
    "$url/check/batch" -H "$json" \
    -d '{"organization":"acme","product":"LiveChat","checks":[{"account":"ada","role":"administrator"},{"account":"ada","role":"boss"}]}'

ask 'A misspelt name is a bad request, never a deny.' '"code":"unknown_product"' \
    "$url/check?account=cy&organization=acme&product=livechat&role=administrator"

ask 'How is the server?' '"state":"LOADED"' "$url/health"
