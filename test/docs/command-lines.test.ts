import { globSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { parseCommand } from '../../cli/parse-command.ts'
import { withSubcommands } from '../../cli/program.ts'
import { documentedProgram } from '../cli/documented-program.ts'

const pages = [...globSync('*.md'), ...globSync('{docs,demo,bench,test}/**/*.md')].filter(
  (page) => page !== 'CHANGELOG.md',
)
const texts = new Map(pages.map((page) => [page, readFileSync(page, 'utf8')]))

test('every command line of the pages is one that the program takes', async () => {
  const lines = [...texts.values()].flatMap(commandLines)
  expect(lines.length).toBeGreaterThan(80)
  for (const line of new Set(lines)) {
    const problem = await parseCommand(documentedProgram(), words(line)).catch(String)
    expect.soft(problem, line).toBeUndefined()
  }
})

test('every command that a sentence names is there, and takes what stands after it', async () => {
  const commands = [...texts.values()].flatMap(commandsInText)
  expect(commands.length).toBeGreaterThan(150)
  const known = new Set(withSubcommands(documentedProgram()).map(pathOf))
  for (const line of new Set(commands)) {
    // A name of a command without what it needs: `connections promote` promotes what a sandbox showed.
    if (known.has(line)) continue
    const problem = await parseCommand(documentedProgram(), words(line)).catch(String)
    expect.soft(problem, line).toBeUndefined()
  }
})

test('every script of npm that a page names is there', () => {
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync('package.json', 'utf8')))
  const named = [...texts].flatMap(([page, text]) =>
    [...text.matchAll(/\bnpm (?:run (?:--silent )?)?([a-z][\w:-]*)/g)]
      .filter(
        ([whole, name]) => whole.startsWith('npm run ') || name === 'start' || name === 'test',
      )
      .map(([, name = '']) => ({ page, name })),
  )
  expect(named.length).toBeGreaterThan(20)
  for (const { page, name } of named) expect.soft(Object.keys(scripts), page).toContain(name)
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

/** How the program is called: installed, from a checkout, without installing it. */
const call = String.raw`(?:npm run (?:--silent )?reactor --|npx (?:--yes )?--package=\S+ reactor|reactor)`

/** Returns the text after `reactor` in the lines of shell code. */
function commandLines(page: string): string[] {
  const line = new RegExp(String.raw`^\s*(?:\$ )?(?:\w+=\S+ )*(?:exec )?${call} ([a-z-].*)$`)
  return page
    .replaceAll('\\\n', ' ')
    .split('\n')
    .flatMap((text) => line.exec(text)?.[1] ?? [])
}

/**
 * Returns the text after `reactor` in code inside a sentence. Text that is cut short (`…`) is not a command
 * line.
 */
function commandsInText(page: string): string[] {
  const sentences = page.replaceAll(/^ *```.*?^ *```$/gms, '')
  return [...sentences.matchAll(new RegExp(`\`${call} ([a-z-][^\`]*)\``, 'g'))]
    .map(([, line = '']) => line.replaceAll(/\s+/g, ' '))
    .filter((line) => !line.includes('…'))
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
