# Completion of peeper for bash. Commands and options are those that the program itself tells of; names of actors
# are those of the server, if one answers at once.

# Lines "  words  text" of the commands.
_peeper_commands() {
    peeper --help 2>/dev/null | sed -n '/^Commands:$/,/^$/s/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p'
}

# $@: the words of a command, or none.
_peeper_options() {
    peeper "$@" --help 2>/dev/null | grep -oE -- '(^ |, )? *--[a-z][a-z-]*=?' | tr -d ' ,'
}

_peeper_actors() {
    peeper --connect-timeout-ms=200 list --prefix="$1" --json 2>/dev/null | sed -n 's/^{"name": *"\([^"]*\)".*/\1/p' | head -50
}

_peeper() {
    local current=${COMP_WORDS[COMP_CWORD]} command=() word words
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == -* ]] || command+=("$word")
    done
    # How far the words that stand there are a command.
    local all found=
    all=$(_peeper_commands)
    if grep -qxF -- "${command[*]:0:2}" <<<"$all"; then
        found="${command[*]:0:2}"
    elif grep -qxF -- "${command[0]-}" <<<"$all"; then
        found=${command[0]}
    fi
    if [[ $current == -* ]]; then
        # shellcheck disable=SC2086 # a command may be two words
        words=$(_peeper_options $found)
    elif [[ -z $found && ${#command[@]} == 0 ]]; then
        words=$(cut -d' ' -f1 <<<"$all" | sort -u)
    elif [[ -z $found || ${#command[@]} == 1 && $all == *$'\n'"$found "* ]]; then
        words=$(sed -n "s/^${command[0]} //p" <<<"$all")
        [[ -n $found ]] && words+=$'\n'$(_peeper_actors "$current")
    else
        words=$(_peeper_actors "$current")
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return 0
}
complete -F _peeper peeper
