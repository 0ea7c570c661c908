# Completion of peeper for fish: commands and options as the program itself tells of them.
function __peeper_commands
    peeper --help 2>/dev/null | sed -n '/^Commands:$/,/^$/s/^  \([a-z][a-z -]*[a-z]\)   *\(.*\)/\1\t\2/p'
end
function __peeper_options
    peeper (commandline -opc)[2] --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u
end
function __peeper_actors
    peeper --connect-timeout-ms=200 list --prefix=(commandline -ct) --json 2>/dev/null | sed -n 's/^{"name": *"\([^"]*\)".*/\1/p' | head -50
end
complete -c peeper -f
complete -c peeper -n '__fish_use_subcommand' -a '(__peeper_commands)'
complete -c peeper -n 'not __fish_use_subcommand' -a '(__peeper_actors)'
complete -c peeper -n 'string match -q -- "-*" (commandline -ct)' -a '(__peeper_options)'
