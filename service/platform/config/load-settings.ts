import { join } from 'node:path'
import { standardDataFolder, type Environment, loginTokenFile } from '../../../plan/environment.ts'
import { invalidSettings, type SettingProblem } from './setting-problem.ts'
import { ineffectiveSettings, type SettingValue, type SettingValues } from './setting-rules.ts'
import { readSettingsFile, unknownNames, type SettingsFile } from './settings-file.ts'
import { settings, settingsSchema, type Setting, type Settings } from './settings.ts'
import { valueInTable, tableAt } from './toml-table.ts'
import { existsSync } from 'node:fs'

export interface SettingsSources {
  /** A TOML file with the table `[connect]`. Default: the file in `REACTOR_CONNECT_CONFIG`, else none. */
  readonly file?: string
  readonly environment: Environment
  /**
   * Flags of the command line by setting path (`bind`): they win over the environment, which wins over the
   * file.
   */
  readonly flags?: Readonly<Record<string, string | undefined>>
}

/** The settings of the service, validated. Throws `setting_invalid`, which lists all problems. */
export function loadSettings(sources: SettingsSources): Settings {
  const name = sources.file ?? sources.environment.REACTOR_CONNECT_CONFIG
  const file = name === undefined || name === '' ? noFile : readSettingsFile(name)
  const values = withVaultToken(givenValues(file, sources), sources.environment)
  const raw = Object.fromEntries([...values].map(([setting, { value }]) => [setting, value]))
  const checked = settingsSchema.safeParse({ ...folders(raw, sources.environment), ...raw })
  const problems = [
    ...unknownNames(file.table, [], file.file),
    ...(checked.error?.issues ?? []).map((issue) => issueProblem(issue, values)),
    ...ineffectiveSettings(values),
  ]
  if (checked.success && problems.length === 0) return checked.data
  throw invalidSettings(problems)
}

const noFile: SettingsFile = { file: '', table: {} }

function givenValues(file: SettingsFile, sources: SettingsSources): SettingValues {
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
  values: SettingValues,
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

/**
 * A wrong value. An address may carry a password or a token, even if none belongs there and its scheme is
 * missing.
 */
function showValue(value: unknown): string {
  const text = JSON.stringify(value)
  return text
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)?[^"\s,]*@/gi, '$1…@')
    .replaceAll(/\?[^"\s,]*/g, '?…')
    .slice(0, 200)
}

/**
 * The settings with the token of the Vault where other programs have it. `VAULT_TOKEN` and `~/.vault-token`
 * are for them too, so they only count if the settings name a Vault, and the file only if nothing else gives
 * a token.
 */
function withVaultToken(values: SettingValues, environment: Environment): SettingValues {
  const isForeign = values.get('vaultToken')?.place === 'VAULT_TOKEN'
  if (isForeign && (!values.has('vaultUrl') || values.has('vaultTokenFile')))
    return new Map([...values].filter(([name]) => name !== 'vaultToken'))
  const isNeeded =
    values.has('vaultUrl') && !values.has('vaultToken') && !values.has('vaultTokenFile')
  const file = loginTokenFile(environment)
  if (!isNeeded || !existsSync(file)) return values
  return new Map([...values, ['vaultTokenFile', { value: file, place: 'default' }]])
}
