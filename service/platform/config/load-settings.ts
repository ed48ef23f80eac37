import { join } from 'node:path'
import { standardDataFolder, type Environment } from './environment.ts'
import { invalidSettings, type SettingProblem } from './setting-problem.ts'
import { readSettingsFile, unknownNames, type SettingsFile } from './settings-file.ts'
import { settings, settingsSchema, type Setting, type Settings } from './settings.ts'
import { valueInTable, tableAt } from './toml-table.ts'

export interface SettingsSources {
  /** A TOML file with the table `[connect]`. Default: the file in `REACTOR_CONNECT_CONFIG`, else none. */
  readonly file?: string
  readonly environment: Environment
  /** Flags of the command line by setting path (`bind`): they win over the environment, which wins over the file. */
  readonly flags?: Readonly<Record<string, string | undefined>>
}

/** A value and where it was set. */
interface SettingValue {
  readonly value: unknown
  readonly place: string
}

/** The settings of the service, validated. Throws `setting_invalid`, which lists all problems. */
export function loadSettings(sources: SettingsSources): Settings {
  const name = sources.file ?? sources.environment.REACTOR_CONNECT_CONFIG
  const file = name === undefined || name === '' ? noFile : readSettingsFile(name)
  const values = givenValues(file, sources)
  const raw = Object.fromEntries([...values].map(([setting, { value }]) => [setting, value]))
  const checked = settingsSchema.safeParse({ ...folders(raw, sources.environment), ...raw })
  const problems = [
    ...unknownNames(file.table, [], file.file),
    ...(checked.error?.issues ?? []).map((issue) => issueProblem(issue, values)),
    ...missingPartners(values),
  ]
  if (checked.success && problems.length === 0) return checked.data
  throw invalidSettings(problems)
}

const noFile: SettingsFile = { file: '', table: {} }

function givenValues(
  file: SettingsFile,
  sources: SettingsSources,
): ReadonlyMap<string, SettingValue> {
  const values = new Map<string, SettingValue>()
  for (const setting of settings) {
    const value =
      setting.name === 'postgres'
        ? namedDestinations(file, sources.environment)
        : valueOf(setting, file, sources)
    if (value !== undefined) values.set(setting.name, value)
  }
  return values
}

function valueOf(
  setting: Setting,
  file: SettingsFile,
  { environment, flags }: SettingsSources,
): SettingValue | undefined {
  const flag = flags?.[setting.path]
  if (flag !== undefined)
    return { value: flag, place: `--${setting.path.replaceAll(/[._]/g, '-')}` }
  const names = setting.alias === undefined ? [] : [setting.alias]
  for (const name of [setting.variable, ...names]) {
    const value = environment[name]
    if (value !== undefined && value !== '') return { value, place: name }
  }
  const value = valueInTable(file.table, setting.path.split('.'))
  return value === undefined ? undefined : { value, place: file.file }
}

const destinationVariable = /^REACTOR_CONNECT_POSTGRES_([A-Z0-9][A-Z0-9_]*)_URL$/

/** `[connect.postgres.NAME]` and `REACTOR_CONNECT_POSTGRES_NAME_URL`, as `{ name: url }`. */
function namedDestinations(file: SettingsFile, environment: Environment): SettingValue {
  const urls: Record<string, unknown> = {}
  for (const [name, destination] of Object.entries(tableAt(file.table, ['postgres'])))
    urls[name] = valueInTable(destination, ['url']) ?? ''
  const places = new Set(Object.keys(urls).length > 0 ? [file.file] : [])
  for (const [variable, url] of Object.entries(environment)) {
    const name = destinationVariable.exec(variable)?.[1]?.toLowerCase()
    if (name === undefined || url === undefined || url === '') continue
    urls[name] = url
    places.add(variable)
  }
  return { value: urls, place: [...places].join(', ') }
}

function folders(raw: Readonly<Record<string, unknown>>, environment: Environment): object {
  const dataDir = typeof raw.dataDir === 'string' ? raw.dataDir : standardDataFolder(environment)
  return { dataDir, catalogDir: join(dataDir, 'catalog') }
}

function issueProblem(
  issue: { readonly path: readonly PropertyKey[]; readonly message: string },
  values: ReadonlyMap<string, SettingValue>,
): SettingProblem {
  const setting = settings.find(({ name }) => name === issue.path[0])
  const entry = values.get(String(issue.path[0]))
  const path = setting?.path.replace('NAME', String(issue.path[1])) ?? issue.path.join('.')
  const value = setting?.secret === true ? '' : ` is ${showValue(entry?.value ?? null)}, but`
  const help = `Write it as ${setting?.type ?? 'documented'}; see docs/configuration.md.`
  return {
    setting: path,
    place: entry?.place ?? 'default',
    problem: `${value.trim()} ${issue.message}`.trim(),
    fix: help,
  }
}

/** A wrong value. A URL may carry a password, even if none belongs there. */
function showValue(value: unknown): string {
  const text = JSON.stringify(value)
  return text.replaceAll(/\/\/[^/@]*@/g, '//…@').slice(0, 200)
}

/** Settings that have no effect without another one. */
function missingPartners(values: ReadonlyMap<string, SettingValue>): readonly SettingProblem[] {
  const pairs = [
    ['vaultUrl', 'vaultToken'],
    ['identityIssuer', 'identityUrl'],
    ['identityAudience', 'identityUrl'],
    ['identityJwksUrl', 'identityUrl'],
    ['identityRoleClaim', 'identityUrl'],
    ['functionsApiKey', 'functionsUrl'],
    ['kafkaSaslUsername', 'kafkaSaslMechanism'],
    ['kafkaSaslUsername', 'kafkaSaslPassword'],
    ['kafkaSaslMechanism', 'kafkaSaslUsername'],
    ['kafkaSaslUsername', 'kafkaBrokers'],
  ] as const
  return pairs.flatMap(([name, partner]) => {
    if (!values.has(name) || values.has(partner)) return []
    const [setting, other] = [name, partner].map((wanted) =>
      settings.find((s) => s.name === wanted),
    )
    if (setting === undefined || other === undefined) return []
    const fix = `Set \`${other.variable}\`, or \`${other.path}\` below \`[connect]\` in the file.`
    const place = values.get(name)?.place ?? ''
    return [{ setting: setting.path, place, problem: `needs ${other.path}, which is not set`, fix }]
  })
}
