export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** Each asks `reactor complete` for the words; if it has none, the shell completes file names. */
export const completionScripts: Readonly<Record<Shell, string>> = {
  bash: `_reactor() {
  local IFS=$'\\n'
  COMPREPLY=($(reactor complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _reactor reactor
`,
  zsh: `#compdef reactor
_reactor() {
  local -a found
  found=("\${(@f)$(reactor complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found[1]" ]]; then compadd -- $found; else _files; fi
}
compdef _reactor reactor
`,
  fish: `function __reactor_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (reactor complete -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    string join \\n -- $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c reactor -f -a '(__reactor_complete)'
`,
}
