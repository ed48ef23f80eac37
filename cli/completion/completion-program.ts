import { Argument, type Command } from 'commander'
import { completions } from './completions.ts'
import { completionScripts, shells, type Shell } from './scripts.ts'

/** `reactor completion SHELL`, and what its scripts call. */
export function completionCommands(program: Command, writeOut: (text: string) => void): void {
  program
    .command('completion')
    .description('a script that completes commands and options in your shell')
    .addArgument(new Argument('<SHELL>', 'which shell').choices(shells))
    .addHelpText('after', examples)
    .action((shell: Shell) => {
      writeOut(completionScripts[shell])
    })
  program
    .command('complete', { hidden: true })
    .argument('[WORDS...]')
    .action((words: readonly string[]) => {
      writeOut(
        completions(program, words)
          .map((word) => `${word}\n`)
          .join(''),
      )
    })
}

const examples = `
Examples:
  $ source <(reactor completion bash)                       # in ~/.bashrc
  $ source <(reactor completion zsh)                        # in ~/.zshrc, after compinit
  $ reactor completion fish > ~/.config/fish/completions/reactor.fish`
