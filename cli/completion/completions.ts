import type { Command, Option } from 'commander'

/**
 * Words that can replace the last of `words` (which may be empty): commands, arguments with choices, options
 * if it begins with `-`, and values of the previous option. None: a file, or a name that only the user knows.
 */
export function completions(program: Command, words: readonly string[]): readonly string[] {
  const partial = words.at(-1) ?? ''
  const { command, option } = placeOf(program, words.slice(0, -1))
  return listOffers(command, option, partial).filter((word) => word.startsWith(partial))
}

interface Place {
  readonly command: Command
  /** The option whose value comes next. */
  readonly option: Option | undefined
}

function placeOf(program: Command, words: readonly string[]): Place {
  let command = program
  let option: Option | undefined
  for (const word of words) {
    if (option !== undefined) option = undefined
    else if (word.startsWith('-')) option = waitingOption(command, word)
    else command = command.commands.find((subcommand) => subcommand.name() === word) ?? command
  }
  return { command, option }
}

function waitingOption(command: Command, word: string): Option | undefined {
  return command.options.find(
    (option) => option.required && (option.long === word || option.short === word),
  )
}

function listOffers(
  command: Command,
  option: Option | undefined,
  partial: string,
): readonly string[] {
  if (option !== undefined) return option.argChoices ?? []
  const help = command.createHelp()
  if (partial.startsWith('-'))
    return help.visibleOptions(command).flatMap(({ long }) => (long == null ? [] : [long]))
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
  return [...help.visibleCommands(command).map((subcommand) => subcommand.name()), ...choices]
}
