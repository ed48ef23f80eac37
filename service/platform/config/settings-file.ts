import { readFileSync } from 'node:fs'
import { TomlError, parse } from 'smol-toml'
import type { ConnectError } from '../../../protocol/index.ts'
import { nearestName } from '../../../lib/text/near-names.ts'
import { invalidSettings, type SettingProblem } from './setting-problem.ts'
import { settings } from './settings.ts'
import { isTable } from './toml-table.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'

export interface SettingsFile {
  readonly file: string
  /** The contents of `[connect]`, not yet validated. */
  readonly table: unknown
}

/** Names of destinations in the file, and (in capitals) in environment variables. */
const destinationName = /^[a-z0-9][a-z0-9_]{0,62}$/

export function readSettingsFile(file: string): SettingsFile {
  const fail = (place: string, problem: string, fix: string): ConnectError =>
    invalidSettings([{ setting: 'file', place, problem, fix }])
  let root: Record<string, unknown>
  try {
    root = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof TomlError) {
      // The rest of the message quotes lines of the file, which may contain secrets.
      const problem = (error.message.split('\n', 1)[0] ?? '').replace('Invalid TOML document: ', '')
      const place = `${file}:${String(error.line)}:${String(error.column)}`
      throw fail(place, `is not TOML: ${problem}`, 'Check quotes and brackets at this place.')
    }
    const reason = errorCodeOf(error) ?? String(error)
    throw fail(file, `cannot be read (${reason})`, 'Correct the path or the rights of the file.')
  }
  // Other tables belong to the other services that share the file.
  const meant = 'connect' in root ? undefined : nearestName('connect', Object.keys(root))
  if (meant !== undefined)
    throw fail(file, `has a table [${meant}], which nobody reads`, 'Name it `[connect]`.')
  return { file, table: root.connect ?? {} }
}

/** Names in the file that are not settings. */
export function unknownNames(
  table: unknown,
  above: readonly string[],
  place: string,
): readonly SettingProblem[] {
  if (above.length === 0 && !isTable(table))
    return [{ setting: 'connect', place, problem: 'is not a table', fix: 'Write `[connect]`.' }]
  return Object.entries(isTable(table) ? table : {}).flatMap(([name, value]) => {
    const path = [...above, name]
    if (above.length === 1 && above[0] === 'postgres')
      return destinationName.test(name) && isTable(value)
        ? unknownNames(value, ['postgres', 'NAME'], place)
        : [badDestination(path, place)]
    const known = namesBelow(above)
    // Its type says which names a table may have.
    if (settings.some((setting) => setting.path === path.join('.'))) return []
    if (known.includes(name)) return isTable(value) ? unknownNames(value, path, place) : []
    const near = nearestName(name, known)
    const fix =
      near === undefined
        ? `Remove it; the names here are ${known.join(', ')}.`
        : `Did you mean \`${near}\`?`
    return [{ setting: path.join('.'), place, problem: 'is not a setting', fix }]
  })
}

function badDestination(path: readonly string[], place: string): SettingProblem {
  return {
    setting: path.join('.'),
    place,
    problem: 'is not a named destination',
    fix: 'Write `[connect.postgres.NAME]` with a `url`; a name has small letters, digits and `_`.',
  }
}

function namesBelow(above: readonly string[]): readonly string[] {
  const parts = settings.map(({ path }) => path.split('.'))
  const below = parts.filter((path) => above.every((part, index) => path[index] === part))
  return [...new Set(below.flatMap((path) => path.slice(above.length, above.length + 1)))]
}
