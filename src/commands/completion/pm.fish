# Asks PROGRAM itself what could come next.
function __PROGRAM_candidates
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] completion --candidates -- $words[2..-1] 2>/dev/null)
        if string match -q \t\* -- $line
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c PROGRAM -f -a '(__PROGRAM_candidates)'
