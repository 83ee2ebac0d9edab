#compdef PROGRAM
# Asks PROGRAM itself what could come next.
_PROGRAM() {
    local line word
    local -a found
    local files=
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        if [[ -n $word ]]; then
            line=${line#*$'\t'}
            found+=("${word//:/\\:}${line:+:$line}")
        else
            files=yes
        fi
    done < <("${words[1]}" completion --candidates -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( $#found )) && _describe 'PROGRAM' found
    [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _PROGRAM ]]; then
    _PROGRAM "$@"
else
    compdef _PROGRAM PROGRAM
fi
