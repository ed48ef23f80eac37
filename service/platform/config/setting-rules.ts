import type { SettingProblem } from './setting-problem.ts'
import { settings, type Setting, type SettingName } from './settings.ts'

/** A value, not yet validated, and where it was set. */
export interface SettingValue {
  readonly value: unknown
  readonly place: string
}

/** The values that were set, by the name of the setting. */
export type SettingValues = ReadonlyMap<string, SettingValue>

/**
 * Settings that would do nothing: without another one, beside another one, or at all in this version. None is
 * ignored in silence.
 */
export function ineffectiveSettings(values: SettingValues): readonly SettingProblem[] {
  return [
    ...missingToken(values),
    ...needed.flatMap(([name, partner]) => missingPartner(name, partner, values)),
    ...excluded.flatMap(([name, other, why]) => conflict({ name, other, why }, values)),
    ...settings.flatMap((setting) => refusedUnused(setting, values)),
  ]
}

/** The first has no effect without the second. */
const needed: readonly (readonly [SettingName, SettingName])[] = [
  ['vaultToken', 'vaultUrl'],
  ['vaultTokenFile', 'vaultUrl'],
  ['vaultMount', 'vaultUrl'],
  ['vaultNamespace', 'vaultUrl'],
  ['dataApiKey', 'dataUrl'],
  ['identityIssuer', 'identityUrl'],
  ['identityAudience', 'identityUrl'],
  ['identityJwksUrl', 'identityUrl'],
  ['identityRoleClaim', 'identityUrl'],
  ['jobsApiKey', 'jobsUrl'],
  ['functionsApiKey', 'functionsUrl'],
  ['storageUrl', 'storageApiKey'],
  ['storageApiKey', 'storageUrl'],
  ['storageAccessKeyId', 'storageUrl'],
  ['storageBucket', 'storageUrl'],
  ['storageRegion', 'storageUrl'],
  ['kafkaTls', 'kafkaBrokers'],
  ['kafkaTopicsPerConnection', 'kafkaBrokers'],
  ['kafkaSaslUsername', 'kafkaSaslMechanism'],
  ['kafkaSaslUsername', 'kafkaSaslPassword'],
  ['kafkaSaslMechanism', 'kafkaSaslUsername'],
  ['kafkaSaslPassword', 'kafkaSaslUsername'],
  ['kafkaSaslUsername', 'kafkaBrokers'],
  ['kafkaSchemaRegistryUrl', 'kafkaBrokers'],
  ['kafkaSchemaRegistryUsername', 'kafkaSchemaRegistryUrl'],
  ['kafkaSchemaRegistryUsername', 'kafkaSchemaRegistryPassword'],
  ['kafkaSchemaRegistryPassword', 'kafkaSchemaRegistryUsername'],
]

/** The first has no effect beside the second. */
const excluded: readonly (readonly [SettingName, SettingName, string])[] = [
  ['dataDatabaseUrl', 'dataUrl', 'the Data service gives the addresses of datasets'],
  ['vaultTokenFile', 'vaultToken', 'only one of them can be used'],
  ['vaultKey', 'vaultUrl', 'it is the key of the embedded vault, which is not used'],
  ['vaultPreviousKey', 'vaultUrl', 'it is a key of the embedded vault, which is not used'],
]

function missingPartner(
  name: SettingName,
  partner: SettingName,
  values: SettingValues,
): readonly SettingProblem[] {
  const given = values.get(name)
  if (given === undefined || isOff(given) || values.has(partner)) return []
  const { path, variable } = settingOf(partner)
  const problem = `needs ${path}, which is not set`
  const fix = `Set \`${variable}\`, or \`${path}\` below \`[connect]\` in the file.`
  return [{ setting: settingOf(name).path, place: given.place, problem, fix }]
}

function conflict(
  { name, other, why }: { readonly name: SettingName; readonly other: SettingName; why: string },
  values: SettingValues,
): readonly SettingProblem[] {
  const [given, beside] = [values.get(name), values.get(other)]
  if (given === undefined || beside === undefined) return []
  const [{ path }, { path: otherPath }] = [settingOf(name), settingOf(other)]
  const problem = `is set together with ${otherPath} (${beside.place}): ${why}`
  return [{ setting: path, place: given.place, problem, fix: `Remove ${path} or ${otherPath}.` }]
}

function missingToken(values: SettingValues): readonly SettingProblem[] {
  const url = values.get('vaultUrl')
  if (url === undefined || values.has('vaultToken') || values.has('vaultTokenFile')) return []
  const problem =
    'needs vault_token or vault_token_file: neither is set, and there is no ~/.vault-token'
  const fix =
    'Set `REACTOR_CONNECT_VAULT_TOKEN` or `VAULT_TOKEN`, name the file of an agent in `REACTOR_CONNECT_VAULT_TOKEN_FILE`, or run `vault login` as the user of the service.'
  return [{ setting: 'vault_url', place: url.place, problem, fix }]
}

function refusedUnused(
  { name, path, unused }: Setting,
  values: SettingValues,
): readonly SettingProblem[] {
  const given = values.get(name)
  if (given === undefined || isOff(given) || unused === undefined) return []
  const problem = 'has no effect in this version'
  return [{ setting: path, place: given.place, problem, fix: unused.instead }]
}

/** A switch that is off changes nothing. */
function isOff({ value }: SettingValue): boolean {
  return value === false || value === 'false'
}

function settingOf(name: SettingName): Setting {
  const found = settings.find((setting) => setting.name === name)
  if (found === undefined) throw new TypeError(`there is no setting ${name}`)
  return found
}
