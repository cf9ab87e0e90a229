#!/usr/bin/env bash
# One day in an organization: every change is a command, every answer is checked.
#   examples/day.sh [flags of the store, such as --redis redis://127.0.0.1:6379]
# Without flags a temporary embedded store is used. The program is `rolegate`, or what ROLEGATE names.
set -euo pipefail
rolegate=${ROLEGATE:-rolegate}
store=("$@")
if [ ${#store[@]} -eq 0 ]; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    store=(--data "$folder")
fi

at() { printf '\n%s  %s\n' "$1" "$2"; }

# change COMMAND… [flag…]: carried out on initech.
change() { "$rolegate" "$@" --organization initech "${store[@]}" | sed 's/^/  /'; }

# answer ANSWER ACCOUNT PRODUCT ROLE [flag…]: the question must be answered so.
answer() {
    local expected=$1 account=$2 product=$3 role=$4 text
    shift 4
    text=$("$rolegate" check "${store[@]}" --organization initech --account "$account" \
        --product "$product" --role "$role" "$@") || true
    printf '  %s\n' "$text"
    case $text in
        "$expected:"*) ;;
        *) printf 'expected: %s\n' "$expected" >&2; exit 1 ;;
    esac
}

# legacy ROLE ACCOUNT: how the account reads in the words of LiveChat's old API.
legacy() {
    local text
    text=$("$rolegate" legacy "${store[@]}" --organization initech --account "$2")
    printf '  %s\n' "$text"
    case $text in
        "legacy role: $1"*) ;;
        *) printf 'expected: %s\n' "$1" >&2; exit 1 ;;
    esac
}

at 08:00 'initech opens its books; ada owns it'
change organization create --owner ada --products HelpDesk,LiveChat
change role grant --account ada --product HelpDesk --role administrator
change role grant --account ada --product LiveChat --role administrator
answer 'allow (granted)' ada LiveChat administrator
answer 'deny (not_a_member)' gil LiveChat normal
legacy owner ada

at 09:00 'gil is hired as an agent'
change account add --account gil --role LiveChat/normal
answer 'allow (granted)' gil LiveChat normal
answer 'deny (role_not_held)' gil LiveChat administrator
answer 'deny (role_not_held)' gil HelpDesk viewer
legacy agent gil

at 10:00 'gil is made administrator of LiveChat, and nothing else'
change role grant --account gil --product LiveChat --role administrator
answer 'allow (granted)' gil LiveChat administrator
answer 'allow (granted)' gil LiveChat normal
answer 'deny (role_not_held)' gil Accounts administrator
legacy administrator gil

at 11:00 'gil stands in at HelpDesk until the end of 2098'
change role grant --account gil --product HelpDesk --role normal --expires-at 2099-01-01T00:00:00Z
answer 'allow (granted)' gil HelpDesk viewer
answer 'deny (grant_expired)' gil HelpDesk viewer --at 2099-01-01T00:00:00Z

at 13:00 'gil is suspended in LiveChat'
change account suspend --account gil --product LiveChat
answer 'deny (suspended)' gil LiveChat normal
answer 'allow (granted)' gil Accounts member
legacy 'none (suspended), would be administrator' gil

at 14:00 'gil is back'
change account unsuspend --account gil --product LiveChat
answer 'allow (granted)' gil LiveChat administrator

at 15:00 'the licence of LiveChat lapses: paused for everybody, the owner too'
change product pause --product LiveChat
answer 'deny (product_paused)' gil LiveChat normal
answer 'deny (product_paused)' ada LiveChat normal
answer 'allow (granted)' ada HelpDesk normal

at 16:00 'the licence is paid: every grant is what it was'
change product resume --product LiveChat
answer 'allow (granted)' gil LiveChat administrator

at 17:00 'HelpDesk is disabled, then enabled again: its roles must be given anew'
change product disable --product HelpDesk
answer 'deny (product_not_enabled)' ada HelpDesk viewer
change product enable --product HelpDesk
answer 'deny (role_not_held)' ada HelpDesk viewer

at 18:00 'gil takes over, and ada leaves'
change owner transfer --to gil
legacy owner gil
answer 'allow (granted)' ada Accounts administrator
change account remove --account ada
answer 'deny (not_a_member)' ada LiveChat normal
answer 'allow (granted)' gil LiveChat administrator

at 19:00 'every change has its record'
"$rolegate" audit verify "${store[@]}" | sed 's/^/  /'
printf '\nthe day went as it should\n'
