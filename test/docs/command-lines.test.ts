import { globSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { parseCommand } from '../../cli/parse-command.ts'
import { withSubcommands } from '../../cli/program.ts'
import { documentedProgram } from '../cli/documented-program.ts'

test('every command line of the pages and of --help is one that the program takes', async () => {
  const pages = ['README.md', ...globSync('docs/**/*.md')]
  const lines = pages.flatMap((page) => commandLines(readFileSync(page, 'utf8')))
  expect(lines.length).toBeGreaterThan(80)
  for (const line of new Set(lines)) {
    const problem = await parseCommand(documentedProgram(), words(line)).catch(String)
    expect.soft(problem, line).toBeUndefined()
  }
})

test('every command that an error suggests is there', () => {
  const known = new Set(withSubcommands(documentedProgram()).map(pathOf))
  const tables = globSync('protocol/errors/codes/*.ts').map((file) => readFileSync(file, 'utf8'))
  const suggested = tables.flatMap((table) => [...table.matchAll(/`reactor ([a-z][a-z -]*[a-z])/g)])
  expect(suggested.length).toBeGreaterThan(30)
  for (const [, line = ''] of suggested) {
    const path = line.replace(/ -.*/, '').split(' ')
    expect.soft([...known], line).toContain(path.join(' '))
  }
})

/** What follows `reactor` in the lines of shell code. */
function commandLines(page: string): string[] {
  const joined = page.replaceAll('\\\n', ' ').split('\n')
  return joined.flatMap((line) => {
    const found = /^\s*(?:\$ )?(?:\w+=\S+ )*(?:npm run )?reactor (?:-- )?([a-z].*)$/.exec(line)?.[1]
    return found === undefined ? [] : [found]
  })
}

/** As a shell splits them, up to a pipe, a redirection or a comment. */
function words(line: string): string[] {
  const parts = line.matchAll(/\s+(?=[#|>&<;])|"([^"]*)"|'([^']*)'|([^\s"']+)/g)
  const all = [...parts].map(([whole, double, single]) => double ?? single ?? whole)
  const end = all.findIndex((word) => word.trim() === '')
  return end === -1 ? all : all.slice(0, end)
}

function pathOf(command: Command): string {
  const parent = command.parent === null ? '' : pathOf(command.parent)
  return parent === '' && command.parent === null ? '' : `${parent} ${command.name()}`.trim()
}
