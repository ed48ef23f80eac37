import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { withSubcommands } from '../../cli/program.ts'
import { documentedProgram } from '../cli/documented-program.ts'
import { cliPage } from './cli-page.ts'

test('docs/cli.md is what the commands say of themselves', async () => {
  await expect(cliPage()).toMatchFileSnapshot(resolve('docs/cli.md'))
})

test('every command, argument and option is described', () => {
  for (const command of withSubcommands(documentedProgram())) {
    if (command.name() === 'complete') continue
    expect.soft(command.description(), command.name()).not.toBe('')
    for (const option of command.options)
      expect.soft(option.description, `${command.name()} ${option.flags}`).not.toBe('')
  }
})
