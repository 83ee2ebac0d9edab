# Asks PROGRAM itself what could come next.
_PROGRAM() {
    local word rest cur="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS=$'\t' read -r word rest; do
        if [[ -n $word ]]; then
            COMPREPLY+=("$(printf '%q' "$word")")
        else
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
        fi
    done < <("${COMP_WORDS[0]}" completion --candidates -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | sed 's/^\t/\t\t/')
}
complete -F _PROGRAM PROGRAM
