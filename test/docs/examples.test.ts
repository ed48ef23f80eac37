import { expect, test } from 'vitest'
import { nativeTypes } from '../../connectors/registry.ts'
import { readCatalog } from '../../connectors/catalog.ts'
import { documentedProgram } from '../cli/documented-program.ts'
import { withSubcommands } from '../../cli/program.ts'

test('every connector that an example of the help names comes with the program', () => {
  const known = new Set([...nativeTypes(), ...readCatalog('/nowhere').keys()])
  const help = withSubcommands(documentedProgram())
    .map((command) => {
      let written = ''
      command.configureOutput({ writeOut: (text) => (written += text) }).outputHelp()
      return written
    })
    .join('\n')
  const named = [...help.matchAll(/--type ([a-z][\w-]*)/g)].map(([, type = '']) => type)
  expect(named.length).toBeGreaterThan(2)
  expect(named.filter((type) => !known.has(type))).toEqual([])
})
