#!/usr/bin/env bash
# Changes an organization over the management API, and sees each change in a check at once.
#   printf 'ops administrator * token-of-ops-0123456789\n' > callers; echo token-of-ops-0123456789 > token
#   rolegate serve --manage-listen 127.0.0.1:8182 --manage-callers-file callers
#   examples/manage.sh [http://127.0.0.1:8182] [token] [http://127.0.0.1:8181]
set -euo pipefail
api=${1:-http://127.0.0.1:8182} token=${2:-token} checks=${3:-http://127.0.0.1:8181}

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
# Headers from a file: the arguments of a process are no secret.
printf 'Authorization: Bearer %s\nContent-Type: application/json\n' "$(cat "$token")" >"$folder/headers"

# change STATUS METHOD PATH [BODY [curl-arguments…]]: must be answered so; `generation` is the organization's then.
change() {
    local expected=$1 method=$2 path=$3 body=${4:-} status
    shift $(($# < 4 ? 3 : 4))
    printf '\n# %s %s %s\n' "$method" "$path" "$body"
    status=$(curl -sS -o "$folder/answer" -w '%{http_code}' -X "$method" "$api$path" \
        -H "@$folder/headers" ${body:+-d "$body"} "$@")
    cat "$folder/answer"
    echo
    [ "$status" = "$expected" ] || { printf 'expected %s, got %s\n' "$expected" "$status" >&2; exit 1; }
    generation=$(sed -n 's/.*"generation":\([0-9]*\).*/\1/p' "$folder/answer")
}

# answer REASON ACCOUNT PRODUCT ROLE: the question must be answered so, from no older data than the last change.
answer() {
    local text
    text=$(curl -sS "$checks/check?organization=initech&account=$2&product=$3&role=$4&min_generation=$generation")
    printf '%s\n' "$text"
    case $text in
        *"\"reason\":\"$1\""*) ;;
        *) printf 'expected: %s\n' "$1" >&2; exit 1 ;;
    esac
}

change 201 POST /organizations '{"organization_id":"initech","owner_id":"ada","products":["LiveChat"]}'
answer granted ada Accounts owner

# Under a key the request may be sent again when its answer was lost.
change 201 POST /organizations/initech/accounts '{"account_id":"gil"}' -H 'Idempotency-Key: hire-gil'
change 201 POST /organizations/initech/accounts '{"account_id":"gil"}' -H 'Idempotency-Key: hire-gil'
grep -q '"replayed":true' "$folder/answer"
answer role_not_held gil LiveChat normal

change 200 PUT /organizations/initech/accounts/gil/roles \
    '{"set_roles":[{"role_id":"LiveChat.administrator"}],"delete_roles":[]}'
answer granted gil LiveChat administrator
before=$generation

change 200 PUT /organizations/initech/owner '{"account_id":"gil"}'
answer granted gil Accounts owner
answer granted ada Accounts administrator

# Only to what was read: not after the transfer, which was not in it.
revoke='{"set_roles":[],"delete_roles":[{"role_id":"LiveChat.administrator"}]}'
current=$generation
change 412 PUT /organizations/initech/accounts/gil/roles "$revoke" -H "If-Match: \"$before\""
change 200 PUT /organizations/initech/accounts/gil/roles "$revoke" -H "If-Match: \"$current\""
answer role_not_held gil LiveChat administrator

printf '\nevery change was seen at once\n'
